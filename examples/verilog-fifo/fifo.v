// A FIFO between two streams with valid and ready: a word goes over where both are high at a rising edge.
// LAST marks the last word of a message and travels with it.
//
// DEPTH is a power of two. Words that go in come out in order, one clock later at the earliest.
module fifo #(
    parameter WIDTH = 32,
    parameter DEPTH = 16
) (
    input  wire             clk,
    input  wire             reset, // synchronous
    // from the computer
    input  wire             in_valid,
    output wire             in_ready,
    input  wire [WIDTH-1:0] in_data,
    input  wire             in_last,
    // to the computer
    output wire             out_valid,
    input  wire             out_ready,
    output wire [WIDTH-1:0] out_data,
    output wire             out_last
);
    localparam BITS = $clog2(DEPTH);

    reg [WIDTH:0] words [0:DEPTH-1];
    // One bit more than a place needs: full and empty differ in it alone.
    reg [BITS:0] head, tail;

    wire takes = in_valid && in_ready;
    wire gives = out_valid && out_ready;

    assign in_ready = (head ^ tail) != {1'b1, {BITS{1'b0}}};
    assign out_valid = head != tail;
    assign {out_last, out_data} = words[tail[BITS-1:0]];

    always @(posedge clk) begin
        if (takes)
            words[head[BITS-1:0]] <= {in_last, in_data};
        if (reset) begin
            head <= 0;
            tail <= 0;
        end else begin
            head <= head + {{BITS{1'b0}}, takes};
            tail <= tail + {{BITS{1'b0}}, gives};
        end
    end
endmodule
