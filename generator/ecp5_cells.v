// Behavioural models of the cells of Lattice ECP5, as far as our netlists use them. Sources: Lattice
// FPGA-TN-02205 (sysDSP), FPGA-TN-02204 (memory), FPGA-DS-02012 (slices); the names of cells and parameters,
// the order of bits in INIT, INITVAL and carry chains are those of Yosys, which writes them. Rising edges.

// Half by half: where an unknown input does not matter, the output is known.
module LUT4 (input A, B, C, D, output Z);
    parameter [15:0] INIT = 0;
    wire [7:0] half = D ? INIT[15:8] : INIT[7:0];
    wire [3:0] quarter = C ? half[7:4] : half[3:0];
    wire [1:0] eighth = B ? quarter[3:2] : quarter[1:0];
    assign Z = A ? eighth[1] : eighth[0];
endmodule


module PFUMX (input ALUT, BLUT, C0, output Z);
    assign Z = C0 ? ALUT : BLUT;
endmodule


module L6MUX21 (input D0, D1, SD, output Z);
    assign Z = SD ? D1 : D0;
endmodule


// Two bits of a carry chain: lookup tables that say whether a bit passes the carry on, or else its carry.
module CCU2C (input CIN, A0, B0, C0, D0, A1, B1, C1, D1, output S0, S1, COUT);
    parameter [15:0] INIT0 = 0, INIT1 = 0;
    parameter INJECT1_0 = "YES", INJECT1_1 = "YES";
    wire pass_0, pass_1, own_0, own_1;
    LUT4 #(.INIT(INIT0)) pass_table_0 (.A(A0), .B(B0), .C(C0), .D(D0), .Z(pass_0));
    LUT4 #(.INIT(INIT1)) pass_table_1 (.A(A1), .B(B1), .C(C1), .D(D1), .Z(pass_1));
    LUT4 #(.INIT(INIT0)) own_table_0 (.A(A0), .B(B0), .C(1'b0), .D(1'b0), .Z(own_0));
    LUT4 #(.INIT(INIT1)) own_table_1 (.A(A1), .B(B1), .C(1'b0), .D(1'b0), .Z(own_1));
    wire carry = pass_0 ? CIN : INJECT1_0 == "NO" & own_0;
    assign COUT = pass_1 ? carry : INJECT1_1 == "NO" & own_1;
    assign S0 = pass_0 ^ (INJECT1_0 == "NO" & CIN);
    assign S1 = pass_1 ^ (INJECT1_1 == "NO" & carry);
endmodule


module TRELLIS_FF (input CLK, LSR, CE, DI, M, output reg Q);
    parameter GSR = "ENABLED", CEMUX = "1", CLKMUX = "CLK", LSRMUX = "LSR", SRMODE = "LSR_OVER_CE";
    parameter REGSET = "RESET";
    wire enabled = CEMUX == "CE" ? CE : CEMUX == "INV" ? ~CE : 1'b1;
    initial Q = REGSET == "SET";
    always @(posedge CLK)
        if (LSR & SRMODE == "LSR_OVER_CE")
            Q <= REGSET == "SET";
        else if (enabled)
            Q <= LSR & SRMODE == "CE_OVER_LSR" ? REGSET == "SET" : DI;
endmodule


module TRELLIS_DPR16X4 (input [3:0] DI, WAD, RAD, input WRE, WCK, output [3:0] DO);
    parameter WCKMUX = "WCK", WREMUX = "WRE";
    parameter [63:0] INITVAL = 0;
    reg [3:0] words [0:15];
    integer place;
    initial
        for (place = 0; place < 16; place = place + 1)
            words[place] = INITVAL[4 * place +: 4];
    always @(posedge WCK)
        if (WREMUX == "INV" ? ~WRE : WREMUX == "WRE" ? WRE : 1'b1)
            words[WAD] <= DI;
    assign DO = words[RAD];
endmodule


// Registers always enabled, no resets.
module MULT18X18D (
    input A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15, A16, A17,
    input B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, B10, B11, B12, B13, B14, B15, B16, B17,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, RST0,
    output P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12, P13, P14, P15, P16, P17, P18, P19, P20, P21,
    output P22, P23, P24, P25, P26, P27, P28, P29, P30, P31, P32, P33, P34, P35
);
    parameter REG_INPUTA_CLK = "NONE", REG_INPUTA_CE = "CE0", REG_INPUTA_RST = "RST0";
    parameter REG_INPUTB_CLK = "NONE", REG_INPUTB_CE = "CE0", REG_INPUTB_RST = "RST0";
    parameter REG_OUTPUT_CLK = "NONE", REG_OUTPUT_CE = "CE0", REG_OUTPUT_RST = "RST0";

    wire [17:0] a_pins = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2,
                           A1, A0};
    wire [17:0] b_pins = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2,
                           B1, B0};
    reg [17:0] a_register = 0, b_register = 0;
    wire [17:0] a = REG_INPUTA_CLK == "CLK0" ? a_register : a_pins;
    wire [17:0] b = REG_INPUTB_CLK == "CLK0" ? b_register : b_pins;
    // An operand that is not signed has a sign of 0.
    wire signed [18:0] a_value = {SIGNEDA & a[17], a};
    wire signed [18:0] b_value = {SIGNEDB & b[17], b};
    wire [35:0] product = a_value * b_value;
    reg [35:0] p_register = 0;
    always @(posedge CLK0) begin
        a_register <= a_pins;
        b_register <= b_pins;
        p_register <= product;
    end
    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19,
             P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} =
        REG_OUTPUT_CLK == "CLK0" ? p_register : product;
endmodule


// No resets, no chip selects.
module DP16KD (
    input ADA0, ADA1, ADA2, ADA3, ADA4, ADA5, ADA6, ADA7, ADA8, ADA9, ADA10, ADA11, ADA12, ADA13,
    input DIA0, DIA1, DIA2, DIA3, DIA4, DIA5, DIA6, DIA7, DIA8, DIA9, DIA10, DIA11, DIA12, DIA13, DIA14, DIA15,
    input DIA16, DIA17,
    input CLKA, CEA, OCEA, WEA, RSTA, CSA0, CSA1, CSA2,
    output DOA0, DOA1, DOA2, DOA3, DOA4, DOA5, DOA6, DOA7, DOA8, DOA9, DOA10, DOA11, DOA12, DOA13, DOA14, DOA15,
    output DOA16, DOA17,
    input ADB0, ADB1, ADB2, ADB3, ADB4, ADB5, ADB6, ADB7, ADB8, ADB9, ADB10, ADB11, ADB12, ADB13,
    input DIB0, DIB1, DIB2, DIB3, DIB4, DIB5, DIB6, DIB7, DIB8, DIB9, DIB10, DIB11, DIB12, DIB13, DIB14, DIB15,
    input DIB16, DIB17,
    input CLKB, CEB, OCEB, WEB, RSTB, CSB0, CSB1, CSB2,
    output DOB0, DOB1, DOB2, DOB3, DOB4, DOB5, DOB6, DOB7, DOB8, DOB9, DOB10, DOB11, DOB12, DOB13, DOB14, DOB15,
    output DOB16, DOB17
);
    parameter DATA_WIDTH_A = 18, REGMODE_A = "NOREG", WRITEMODE_A = "NORMAL", CSDECODE_A = "0b000";
    parameter DATA_WIDTH_B = 18, REGMODE_B = "NOREG", WRITEMODE_B = "NORMAL", CSDECODE_B = "0b000";
    parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC", GSR = "DISABLED";
    parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB";
    parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0;
    parameter [319:0] INITVAL_04 = 0, INITVAL_05 = 0, INITVAL_06 = 0, INITVAL_07 = 0;
    parameter [319:0] INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0;
    parameter [319:0] INITVAL_0C = 0, INITVAL_0D = 0, INITVAL_0E = 0, INITVAL_0F = 0;
    parameter [319:0] INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0;
    parameter [319:0] INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0;
    parameter [319:0] INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0;
    parameter [319:0] INITVAL_1C = 0, INITVAL_1D = 0, INITVAL_1E = 0, INITVAL_1F = 0;
    parameter [319:0] INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0, INITVAL_23 = 0;
    parameter [319:0] INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0;
    parameter [319:0] INITVAL_28 = 0, INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0;
    parameter [319:0] INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0;
    parameter [319:0] INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0;
    parameter [319:0] INITVAL_34 = 0, INITVAL_35 = 0, INITVAL_36 = 0, INITVAL_37 = 0;
    parameter [319:0] INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0;
    parameter [319:0] INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0;

    // 1,024 words of two bytes of nine bits; in INITVAL each word has twenty.
    reg [17:0] words [0:1023];
    wire [20479:0] contents = {
        INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
        INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
        INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
        INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
        INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
        INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
        INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
        INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00};
    integer place;
    initial
        for (place = 0; place < 1024; place = place + 1)
            words[place] = contents[20 * place +: 18];

    wire [13:0] address_A = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3,
                             ADA2, ADA1, ADA0};
    wire [17:0] data_A = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8,
                          DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};

    wire [13:0] address_B = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3,
                             ADB2, ADB1, ADB0};
    wire [17:0] data_B = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8,
                          DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};

    // Where in its word the narrow ones lie: bytes of nine bits, of which they use the lower eight.
    wire [4:0] shift_A = DATA_WIDTH_A >= 18 ? 0 : 9 * address_A[3]
        + (DATA_WIDTH_A == 4 ? 4 * address_A[2] : DATA_WIDTH_A == 2 ? 2 * address_A[2:1]
           : DATA_WIDTH_A == 1 ? address_A[2:0] : 0);
    wire [17:0] mask_A = DATA_WIDTH_A >= 18 ? {{9{address_A[1]}}, {9{address_A[0]}}}
        : (18'd1 << DATA_WIDTH_A) - 18'd1;
    wire [4:0] shift_B = DATA_WIDTH_B >= 18 ? 0 : 9 * address_B[3]
        + (DATA_WIDTH_B == 4 ? 4 * address_B[2] : DATA_WIDTH_B == 2 ? 2 * address_B[2:1]
           : DATA_WIDTH_B == 1 ? address_B[2:0] : 0);
    wire [17:0] mask_B = DATA_WIDTH_B >= 18 ? {{9{address_B[1]}}, {9{address_B[0]}}}
        : (18'd1 << DATA_WIDTH_B) - 18'd1;

    // A port of 36 bits has two words at once; what it reads comes out of both sides.
    wire wide_write = DATA_WIDTH_A == 36;
    wire wide_read = DATA_WIDTH_B == 36;
    wire [9:0] word_A = wide_write ? {address_A[13:5], 1'b0} : address_A[13:4];
    wire [9:0] word_B = wide_read ? {address_B[13:5], 1'b1} : address_B[13:4];
    wire [9:0] other_A = {address_A[13:5], 1'b1};
    wire [9:0] read_A = wide_read ? {address_B[13:5], 1'b0} : word_A;
    wire [17:0] write_mask_A = mask_A << shift_A;
    wire [17:0] write_mask_B = mask_B << shift_B;
    wire [17:0] other_mask_A = {{9{address_A[3]}}, {9{address_A[2]}}};
    wire [17:0] written_A = words[word_A] & ~write_mask_A | data_A << shift_A & write_mask_A;
    wire [17:0] written_B = words[word_B] & ~write_mask_B | data_B << shift_B & write_mask_B;
    wire [17:0] written_other = words[other_A] & ~other_mask_A | data_B & other_mask_A;
    wire [17:0] narrow_A = DATA_WIDTH_A >= 18 ? 18'h3ffff : mask_A;
    wire [17:0] narrow_B = DATA_WIDTH_B >= 18 ? 18'h3ffff : mask_B;

    reg [17:0] out_A = 0, out_B = 0, registered_A = 0, registered_B = 0;
    wire clock_read_A = wide_read ? CLKB : CLKA;
    wire enable_read_A = wide_read ? CEB : CEA & (~WEA | WRITEMODE_A != "NORMAL");
    wire enable_read_B = CEB & (~WEB | WRITEMODE_B != "NORMAL");
    always @(posedge CLKA)
        if (CEA & WEA) begin
            words[word_A] <= written_A;
            if (wide_write)
                words[other_A] <= written_other;
        end
    always @(posedge CLKB)
        if (CEB & WEB)
            words[word_B] <= written_B;
    always @(posedge clock_read_A) begin
        if (enable_read_A)
            out_A <= (WEA & WRITEMODE_A == "WRITETHROUGH" & ~wide_read ? written_A : words[read_A])
                >> (wide_read ? 0 : shift_A) & (wide_read ? 18'h3ffff : narrow_A);
        if (OCEA)
            registered_A <= out_A;
    end
    always @(posedge CLKB) begin
        if (enable_read_B)
            out_B <= (WEB & WRITEMODE_B == "WRITETHROUGH" ? written_B : words[word_B])
                >> (wide_read ? 0 : shift_B) & narrow_B;
        if (OCEB)
            registered_B <= out_B;
    end
    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
            DOA4, DOA3, DOA2, DOA1, DOA0} =
        REGMODE_A == "OUTREG" ? registered_A : out_A;
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
            DOB4, DOB3, DOB2, DOB1, DOB0} =
        REGMODE_B == "OUTREG" ? registered_B : out_B;
endmodule
