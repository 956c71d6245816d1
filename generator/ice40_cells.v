// Behavioural models of the cells of Lattice iCE40, as far as our netlists use them. Sources: Lattice
// FPGA-TN-02002 (memory), FPGA-TN-02007 (DSP), the iCE Technology Library (cells); where bits of narrow ports
// lie in a word of SB_RAM40_4K is as the project IceStorm documents it. Flip-flops start at 0, edges rise.

// Half by half: where an unknown input does not matter, the output is known.
module SB_LUT4 (input I0, I1, I2, I3, output O);
    parameter [15:0] LUT_INIT = 0;
    wire [7:0] half = I3 ? LUT_INIT[15:8] : LUT_INIT[7:0];
    wire [3:0] quarter = I2 ? half[7:4] : half[3:0];
    wire [1:0] eighth = I1 ? quarter[3:2] : quarter[1:0];
    assign O = I0 ? eighth[1] : eighth[0];
endmodule


module SB_CARRY (input I0, I1, CI, output CO);
    assign CO = I0 & I1 | (I0 | I1) & CI;
endmodule


module SB_DFF (input C, D, output reg Q);
    initial Q = 0;
    always @(posedge C)
        Q <= D;
endmodule


module SB_DFFE (input C, D, E, output reg Q);
    initial Q = 0;
    always @(posedge C)
        if (E)
            Q <= D;
endmodule


module SB_DFFSR (input C, D, R, output reg Q);
    initial Q = 0;
    always @(posedge C)
        Q <= ~R & D;
endmodule


module SB_DFFSS (input C, D, S, output reg Q);
    initial Q = 0;
    always @(posedge C)
        Q <= S | D;
endmodule


// Where there is an enable, nothing happens without it, reset and set included.
module SB_DFFESR (input C, D, E, R, output reg Q);
    initial Q = 0;
    always @(posedge C)
        if (E)
            Q <= ~R & D;
endmodule


module SB_DFFESS (input C, D, E, S, output reg Q);
    initial Q = 0;
    always @(posedge C)
        if (E)
            Q <= S | D;
endmodule


// 256 words of 16 bits. A narrower port has its bits 2, 4 or 8 places apart, and the upper bits of its
// address say which of these places it means. MASK is low where a bit is written, at 16 bits.
module SB_RAM40_4K (
    output [15:0] RDATA, input [10:0] RADDR, input RCLK, RCLKE, RE,
    input [15:0] WDATA, MASK, input [10:0] WADDR, input WCLK, WCLKE, WE
);
    parameter READ_MODE = 0, WRITE_MODE = 0;
    parameter [255:0] INIT_0 = 0, INIT_1 = 0, INIT_2 = 0, INIT_3 = 0, INIT_4 = 0, INIT_5 = 0, INIT_6 = 0;
    parameter [255:0] INIT_7 = 0, INIT_8 = 0, INIT_9 = 0, INIT_A = 0, INIT_B = 0, INIT_C = 0, INIT_D = 0;
    parameter [255:0] INIT_E = 0, INIT_F = 0;

    reg [15:0] words [0:255];
    wire [4095:0] contents = {INIT_F, INIT_E, INIT_D, INIT_C, INIT_B, INIT_A, INIT_9, INIT_8,
                              INIT_7, INIT_6, INIT_5, INIT_4, INIT_3, INIT_2, INIT_1, INIT_0};
    // Bits of which nothing is known become 0 in a bitstream.
    integer place;
    initial
        for (place = 0; place < 4096; place = place + 1)
            words[place / 16][place % 16] = contents[place] === 1'b1;

    // Of each group of places one is written; the bit for it is at a place of its own in the group.
    reg [15:0] written, chosen, read = 0;
    wire [2:0] write_place = WRITE_MODE == 0 ? 0 : WRITE_MODE == 1 ? WADDR[8] : WRITE_MODE == 2 ? WADDR[9:8]
        : WADDR[10:8];
    wire [2:0] read_place = READ_MODE == 0 ? 0 : READ_MODE == 1 ? RADDR[8] : READ_MODE == 2 ? RADDR[9:8]
        : RADDR[10:8];
    integer bit_;
    always @(*)
        for (bit_ = 0; bit_ < 16; bit_ = bit_ + 1) begin
            chosen[bit_] = WRITE_MODE == 0 ? ~MASK[bit_] : bit_ % (1 << WRITE_MODE) == write_place;
            written[bit_] = WDATA[bit_ - bit_ % (1 << WRITE_MODE) + ((1 << WRITE_MODE) - 1) / 2];
        end
    always @(posedge WCLK)
        if (WCLKE & WE)
            words[WADDR[7:0]] <= words[WADDR[7:0]] & ~chosen | written & chosen;

    wire [15:0] word = words[RADDR[7:0]] >> read_place;
    always @(posedge RCLK)
        if (RCLKE & RE)
            read <= word;
    assign RDATA = READ_MODE == 0 ? read
        : READ_MODE == 1 ? read & 16'h5555
        : READ_MODE == 2 ? (read & 16'h1111) << 1
        : (read & 16'h0101) << 3;
endmodule


// A product of 16 x 16 bits, each operand signed or not, as far as registers are in use: one before each
// operand, one inside the multiplier, one behind it. No sums, no resets, no holds.
module SB_MAC16 (
    input CLK, CE, input [15:0] C, A, B, D, input AHOLD, BHOLD, CHOLD, DHOLD, IRSTTOP, IRSTBOT, ORSTTOP, ORSTBOT,
    input OLOADTOP, OLOADBOT, ADDSUBTOP, ADDSUBBOT, OHOLDTOP, OHOLDBOT, CI, ACCUMCI, SIGNEXTIN,
    output [31:0] O, output CO, ACCUMCO, SIGNEXTOUT
);
    parameter NEG_TRIGGER = 0, MODE_8x8 = 0, A_SIGNED = 0, B_SIGNED = 0;
    parameter A_REG = 0, B_REG = 0, C_REG = 0, D_REG = 0;
    parameter TOP_8x8_MULT_REG = 0, BOT_8x8_MULT_REG = 0;
    parameter PIPELINE_16x16_MULT_REG1 = 0, PIPELINE_16x16_MULT_REG2 = 0;
    parameter TOPOUTPUT_SELECT = 0, TOPADDSUB_LOWERINPUT = 0, TOPADDSUB_UPPERINPUT = 0, TOPADDSUB_CARRYSELECT = 0;
    parameter BOTOUTPUT_SELECT = 0, BOTADDSUB_LOWERINPUT = 0, BOTADDSUB_UPPERINPUT = 0, BOTADDSUB_CARRYSELECT = 0;

    reg [15:0] a_register = 0, b_register = 0;
    wire [15:0] a = A_REG ? a_register : A;
    wire [15:0] b = B_REG ? b_register : B;
    // An operand that is not signed has a sign of 0.
    wire signed [16:0] a_value = {A_SIGNED & a[15], a};
    wire signed [16:0] b_value = {B_SIGNED & b[15], b};
    wire [31:0] product = a_value * b_value;
    reg [31:0] middle = 0, behind = 0;
    wire [31:0] sum = PIPELINE_16x16_MULT_REG1 ? middle : product;
    always @(posedge CLK)
        if (CE) begin
            a_register <= A;
            b_register <= B;
            middle <= product;
            behind <= sum;
        end
    // What is not modelled gives what no test takes for right.
    wire known = TOPOUTPUT_SELECT == 3 & BOTOUTPUT_SELECT == 3 & ~MODE_8x8 & ~NEG_TRIGGER;
    assign O = ~known ? {32{1'bx}} : PIPELINE_16x16_MULT_REG2 ? behind : sum;
endmodule
