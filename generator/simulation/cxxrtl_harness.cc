// Plays a schedule on a CXXRTL model: source, sink, reset and the rules of the stream, one step a cycle.
//
// The class `bench` follows bench.py line by line: change both. Files, in the current folder: `schedule` in,
// `record` and `progress` (frames received, one int64) out; their layouts are those of the Python classes.
//
// Defined by the compiler's options: TOP, the class of the model in design.cc; WAVES for a VCD file; PROBES,
// `PROBE(0) PROBE(1) ...`, where the model shows the write ports of its memories: what is written to memory N
// goes to the file `writes_N`.

#include "design.cc"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#ifdef WAVES
#include <cxxrtl/cxxrtl_vcd.h>
#endif

namespace {

// The numbers of record.Fault; two-valued logic knows no X, so those of X and Z are missing.
enum fault {
    NONE = 0, DEADLINE = 1, VALID_FELL = 4, DATA_CHANGED = 5, LAST_CHANGED = 6, SURPLUS = 7, LAST_EARLY = 10,
    LAST_MISSING = 11
};

[[noreturn]] void stop(const char *what) {
    std::fprintf(stderr, "error: %s\n", what);
    std::exit(1);
}

struct schedule {
    int64_t output_bytes, received, sink_waits_for_valid, reset_after_bytes, reset_delay, reset_cycles, deadline;
    int64_t tail_cycles, stall_period;
    std::vector<int64_t> waits;
    std::vector<uint8_t> data, last, source_stalls, sink_stalls;

    explicit schedule(const char *path) {
        std::FILE *file = std::fopen(path, "rb");
        if (!file)
            stop("cannot open the schedule");
        int64_t sent = 0;
        for (int64_t *field : {&sent, &output_bytes, &received, &sink_waits_for_valid, &reset_after_bytes,
                               &reset_delay, &reset_cycles, &deadline, &tail_cycles, &stall_period})
            read(file, field, 1);
        waits.resize(sent + 1);
        read(file, waits.data(), waits.size());
        data.resize(sent);
        last.resize(sent);
        source_stalls.resize(stall_period);
        sink_stalls.resize(stall_period);
        for (std::vector<uint8_t> *bytes : {&data, &last, &source_stalls, &sink_stalls})
            read(file, bytes->data(), bytes->size());
        std::fclose(file);
    }

    template<class T>
    static void read(std::FILE *file, T *to, size_t count) {
        if (std::fread(to, sizeof(T), count, file) != count)
            stop("the schedule is too short");
    }
};

class bench {
public:
    uint8_t rst, s_valid, s_data, s_last, m_ready;
    bool done = false;
    int64_t frames;

    explicit bench(const schedule &schedule) : plan(schedule), prelude(schedule.reset_after_bytes >= 0) { start(); }

    void step(uint8_t s_ready, uint8_t m_valid, uint8_t m_data, uint8_t m_last) {
        if (rst) {
            if (--reset_left == 0) {
                rst = 0;
                drive();
            }
            return;
        }
        broken = check(m_valid, m_data, m_last);
        if (broken) {
            done = true;
            return;
        }
        if (s_valid && s_ready) {
            sent++;
            s_valid = 0;
            wait = plan.waits[sent];
        }
        waiting = m_valid && !m_ready;
        held_data = m_data;
        held_last = m_last;
        if (m_valid && m_ready) {
            outputs.push_back(m_data);
            if (m_last) {
                frame_cycles.push_back(cycle);
                frames++;
            }
        }
        finish();
    }

    void write(const char *path, uint8_t tlast_error) const {
        std::FILE *file = std::fopen(path, "wb");
        if (!file)
            stop("cannot write the record");
        const int64_t head[] = {broken, cycle, prelude, sent, cycles, tlast_error,
                                int64_t(frame_cycles.size()), int64_t(outputs.size())};
        std::fwrite(head, sizeof(int64_t), 8, file);
        std::fwrite(frame_cycles.data(), sizeof(int64_t), frame_cycles.size(), file);
        std::fwrite(outputs.data(), 1, outputs.size(), file);
        if (std::fclose(file))
            stop("cannot write the record");
    }

private:
    const schedule &plan;
    bool prelude;
    fault broken;
    int64_t reset_left, cycle, sent, wait, delay_left, cycles, tail_left;
    bool waiting;
    uint8_t held_data, held_last;
    std::vector<uint8_t> outputs;
    std::vector<int64_t> frame_cycles;

    void start() {
        rst = 1;
        s_valid = s_data = s_last = m_ready = 0;
        frames = 0;
        broken = NONE;
        reset_left = plan.reset_cycles;
        cycle = 0;
        sent = 0;
        outputs.clear();
        frame_cycles.clear();
        wait = plan.waits[0];
        waiting = false;
        held_data = held_last = 0;
        delay_left = plan.reset_delay;
        cycles = -1;
        tail_left = plan.tail_cycles;
    }

    void drive() {
        const int64_t at = cycle % plan.stall_period;
        if (!s_valid && sent < int64_t(plan.data.size())) {
            if (wait)
                wait--;
            else if (!plan.source_stalls[at])
                s_valid = 1;
        }
        s_data = s_valid ? plan.data[sent] : 0xA5;
        s_last = s_valid ? plan.last[sent] : 1;
        m_ready = !plan.sink_stalls[at] && (waiting || !plan.sink_waits_for_valid);
    }

    fault check(uint8_t m_valid, uint8_t m_data, uint8_t m_last) const {
        if (waiting) {
            if (!m_valid)
                return VALID_FELL;
            if (m_data != held_data)
                return DATA_CHANGED;
            if (m_last != held_last)
                return LAST_CHANGED;
        }
        if (m_valid) {
            const int64_t received = outputs.size();
            if (received == plan.received)
                return SURPLUS;
            if (m_last != (received % plan.output_bytes == plan.output_bytes - 1))
                return m_last ? LAST_EARLY : LAST_MISSING;
        }
        return NONE;
    }

    void finish() {
        cycle++;
        if (prelude && sent >= plan.reset_after_bytes) {
            if (!delay_left) {
                prelude = false;
                start();
                return;
            }
            delay_left--;
        } else if (!prelude && sent == int64_t(plan.data.size()) && int64_t(outputs.size()) == plan.received) {
            if (cycles < 0) {
                cycles = cycle;
            } else if (!tail_left) {
                done = true;
                return;
            }
            tail_left--;
        }
        if (cycles < 0 && cycle >= plan.deadline) {
            broken = DEADLINE;
            done = true;
            return;
        }
        drive();
    }
};

// Tells the other process how far the bench is, ten times a second.
class progress {
public:
    explicit progress(const char *path) : file(std::fopen(path, "wb")) {
        if (!file)
            stop("cannot write the progress");
    }

    void tell(int64_t frames) {
        const auto now = std::chrono::steady_clock::now();
        if (now < next)
            return;
        next = now + std::chrono::milliseconds(100);
        std::rewind(file);
        std::fwrite(&frames, sizeof frames, 1, file);
        std::fflush(file);
    }

private:
    std::FILE *file;
    std::chrono::steady_clock::time_point next;
};

#ifdef PROBES
// Notes the writes of each memory since the last reset: address in four bytes, then the data.
class recorder {
public:
    template<class Enable, class Address, class Data>
    void note(size_t memory, const Enable &enable, const Address &address, const Data &data) {
        if (memory == files.size())
            files.push_back(open(memory, nullptr));
        if (enable.template get<uint8_t>()) {
            put(files[memory], settled(address), 4);
            put(files[memory], settled(data), settled(data).bits / 8);
        }
    }

    void forget() {
        for (size_t memory = 0; memory < files.size(); memory++)
            files[memory] = open(memory, files[memory]);
    }

    void close() {
        for (std::FILE *file : files)
            if (std::fclose(file))
                stop("cannot write the probes");
    }

private:
    std::vector<std::FILE *> files;

    static std::FILE *open(size_t memory, std::FILE *old) {
        const std::string path = "writes_" + std::to_string(memory);
        std::FILE *file = old ? std::freopen(path.c_str(), "wb", old) : std::fopen(path.c_str(), "wb");
        if (!file)
            stop("cannot write the probes");
        return file;
    }

    // Ports are wires where a register drives them, values elsewhere.
    template<size_t Bits>
    static const cxxrtl::value<Bits> &settled(const cxxrtl::value<Bits> &port) { return port; }

    template<size_t Bits>
    static const cxxrtl::value<Bits> &settled(const cxxrtl::wire<Bits> &port) { return port.curr; }

    template<size_t Bits>
    static void put(std::FILE *file, const cxxrtl::value<Bits> &value, size_t bytes) {
        for (size_t byte = 0; byte < bytes; byte++)
            std::fputc(byte / 4 < value.chunks ? value.data[byte / 4] >> 8 * (byte % 4) & 0xFF : 0, file);
    }
};

#define PROBE(N) record.note(N, top.p_probe__##N##__enable, top.p_probe__##N##__address, top.p_probe__##N##__data);
#endif

// Looking at the clock costs more than a cycle of a small design.
constexpr uint64_t CYCLES_PER_LOOK = 1024;

} // namespace

int main() {
    const schedule plan("schedule");
    bench test(plan);
    progress report("progress");
    cxxrtl_design::TOP top;

#ifdef WAVES
    cxxrtl::debug_items items;
    top.debug_info(&items, nullptr, "");
    cxxrtl::vcd_writer vcd;
    vcd.timescale(1, "ns");
    vcd.add_without_memories(items);
    std::FILE *waves = std::fopen("waves.vcd", "wb");
    if (!waves)
        stop("cannot write the waves");
#endif

#ifdef PROBES
    recorder record;
#endif

    for (uint64_t count = 0; !test.done; count++) {
        top.p_clk.set<uint8_t>(0);
        top.p_rst.set<uint8_t>(test.rst);
        top.p_s__axis__tvalid.set<uint8_t>(test.s_valid);
        top.p_s__axis__tdata.set<uint8_t>(test.s_data);
        top.p_s__axis__tlast.set<uint8_t>(test.s_last);
        top.p_m__axis__tready.set<uint8_t>(test.m_ready);
        top.step();
#ifdef WAVES
        vcd.sample(count * 10);
#endif
#ifdef PROBES
        if (test.rst)
            record.forget();
        else {
            PROBES
        }
#endif
        test.step(top.p_s__axis__tready.get<uint8_t>(), top.p_m__axis__tvalid.get<uint8_t>(),
                  top.p_m__axis__tdata.get<uint8_t>(), top.p_m__axis__tlast.get<uint8_t>());
        if (count % CYCLES_PER_LOOK == 0)
            report.tell(test.frames);
        if (test.done)
            break;
        top.p_clk.set<uint8_t>(1);
#ifdef WAVES
        top.step();
        vcd.sample(count * 10 + 5);
        std::fwrite(vcd.buffer.data(), 1, vcd.buffer.size(), waves);
        vcd.buffer.clear();
#else
        // All inputs of registers are settled: one pass stores them. The wires behind follow when it is 0 again.
        top.eval();
        top.commit();
#endif
    }
    test.write("record", top.p_tlast__error.get<uint8_t>());
#ifdef PROBES
    record.close();
#endif
#ifdef WAVES
    std::fwrite(vcd.buffer.data(), 1, vcd.buffer.size(), waves);
    if (std::fclose(waves))
        stop("cannot write the waves");
#endif
}
