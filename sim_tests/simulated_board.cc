// A board in simulation: bytes from standard input become bits on the wire `rx`, bits on `tx` become bytes on
// standard output. DIVISOR is the clock cycles a bit that the hardware was built for; the far end of the wire
// sends with bits that last SKEW times as long. SIGUSR1 resets the hardware for one cycle.
#include <csignal>
#include <cstdint>
#include <poll.h>
#include <unistd.h>

#include "design.cc"

static volatile std::sig_atomic_t reset_wanted = 0;

// A start bit, eight data bits, a stop bit.
static const int FRAME_BITS = 10;

struct Sender {
    uint32_t bits = 0;
    int left = 0;
    double next_edge = 0;

    void start(uint8_t byte, double now) {
        bits = (1u << 9) | (uint32_t(byte) << 1);
        left = FRAME_BITS;
        next_edge = now + DIVISOR * SKEW;
    }

    bool level() const { return left == 0 || (bits & 1); }

    void tick(double now) {
        if (left != 0 && now >= next_edge) {
            bits >>= 1;
            left -= 1;
            next_edge += DIVISOR * SKEW;
        }
    }
};

struct Receiver {
    uint32_t bits = 0;
    int left = 0;
    double next_sample = 0;

    // True when `byte` was received.
    bool tick(bool level, double now, uint8_t &byte) {
        if (left == 0) {
            if (!level) {
                left = FRAME_BITS;
                bits = 0;
                next_sample = now + DIVISOR * SKEW * 0.5;
            }
            return false;
        }
        if (now < next_sample)
            return false;
        next_sample += DIVISOR * SKEW;
        bits = (bits >> 1) | (uint32_t(level) << 9);
        if (--left != 0)
            return false;
        byte = uint8_t(bits >> 1);
        // A start bit, and a stop bit; anything else was noise or a reset.
        return !(bits & 1) && (bits >> 9 & 1);
    }
};

int main() {
    std::signal(SIGUSR1, [](int) { reset_wanted = 1; });
    cxxrtl_design::p_top top;
    Sender sender;
    Receiver receiver;
    uint8_t queue[4096];
    ssize_t queued = 0, taken = 0;
    uint64_t quiet = 0;
    top.p_rx.set<bool>(true);
    top.p_rst.set<bool>(true);
    for (uint64_t cycle = 0;; cycle++) {
        if (sender.left == 0 && taken == queued && (cycle % 64 == 0 || quiet > IDLE)) {
            // Without anything to do it waits for input instead of simulating rest.
            struct pollfd input = {0, POLLIN, 0};
            if (poll(&input, 1, quiet > IDLE && !reset_wanted ? 1000 : 0) > 0) {
                queued = read(0, queue, sizeof queue);
                if (queued <= 0)
                    return 0;
                taken = 0;
            } else if (quiet > IDLE && !reset_wanted) {
                continue;
            }
        }
        if (sender.left == 0 && taken < queued)
            sender.start(queue[taken++], double(cycle));
        sender.tick(double(cycle));
        quiet = sender.left == 0 && receiver.left == 0 ? quiet + 1 : 0;

        top.p_rx.set<bool>(sender.level());
        if (reset_wanted) {
            reset_wanted = 0;
            top.p_rst.set<bool>(true);
        }
        top.p_clk.set<bool>(false);
        top.step();
        top.p_clk.set<bool>(true);
        top.step();
        top.p_rst.set<bool>(false);

        uint8_t byte;
        if (receiver.tick(top.p_tx.get<bool>(), double(cycle), byte) && write(1, &byte, 1) != 1)
            return 0;
    }
}
