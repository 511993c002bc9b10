// The FIFO behind a stream of bugcheck's card: `bugcheck mount ... --far STREAM=sim:target/fifo`.
//
// A word of the computer's is presented with in_valid until the FIFO is ready; the FIFO's words are taken
// while bugcheck has room. The stream's end waits until the FIFO is empty, and comes back then.
#include "Vfifo.h"
#include "protocol.h"
#include "verilated.h"

#include <exception>
#include <memory>

using namespace protocol;

namespace {

class Logic {
    std::unique_ptr<Vfifo> fifo = std::make_unique<Vfifo>();

    void edge()
    {
        fifo->clk = 0;
        fifo->eval();
        fifo->clk = 1;
        fifo->eval();
    }

public:
    ~Logic() { fifo->final(); }

    void reset()
    {
        fifo->reset = 1;
        fifo->in_valid = fifo->out_ready = 0;
        edge();
        fifo->reset = 0;
        fifo->clk = 0;
        fifo->eval();
    }

    // One clock; whether anything went over.
    bool tick(Queue &queue, unsigned width)
    {
        bool word = !queue.to_logic.empty() && !queue.to_logic.front().end;
        fifo->in_valid = word;
        if (word) {
            fifo->in_data = queue.to_logic.front().word;
            fifo->in_last = queue.to_logic.front().last;
        }
        fifo->out_ready = queue.room >= width;
        fifo->clk = 0;
        fifo->eval();
        bool takes = fifo->in_valid && fifo->in_ready;
        bool gives = fifo->out_valid && fifo->out_ready;
        bool idle = !fifo->out_valid;
        if (takes) {
            queue.to_logic.pop_front();
            queue.taken += width;
        }
        if (gives) {
            Item item;
            item.word = fifo->out_data;
            item.last = fifo->out_last;
            queue.to_host.push_back(item);
            queue.room -= width;
        }
        fifo->clk = 1;
        fifo->eval();
        if (!takes && idle && !queue.to_logic.empty() && queue.to_logic.front().end) {
            queue.to_host.push_back(queue.to_logic.front());
            queue.to_logic.pop_front();
            return true;
        }
        return takes || gives;
    }
};

void serve(Link &link)
{
    link.greet();
    const std::vector<Stream> &streams = link.streams();
    if (streams.size() != 1 || !streams[0].to_host || !streams[0].from_host)
        throw std::runtime_error("this FIFO stands behind one stream that has both directions");
    const Stream &stream = streams[0];
    Logic logic;
    Queue queue;
    logic.reset();
    std::vector<uint8_t> body;
    for (;;) {
        Kind kind = link.receive(body);
        if (kind == END)
            return;
        if (kind == RESET) {
            logic.reset();
            queue = Queue();
            continue;
        }
        if (kind != RUN)
            throw std::runtime_error("a frame of an unknown kind");
        Bytes from(body);
        uint32_t most = from.word(), cycles = 0;
        for (uint32_t left = from.word(); left; left--) {
            from.byte();
            Mark mark = Mark(from.byte());
            from.byte();
            from.byte();
            queue.given(from, stream.width, mark);
        }
        bool moves = true;
        while (moves && cycles < most) {
            moves = logic.tick(queue, stream.width);
            cycles++;
        }
        std::vector<uint8_t> answer, parts;
        uint32_t count = queue.tell(parts, 0, stream.width, stream.messages);
        put(answer, cycles, 4);
        put(answer, moves, 4);
        put(answer, count, 4);
        answer.insert(answer.end(), parts.begin(), parts.end());
        link.send(RUN, answer);
    }
}

} // namespace

int main(int argc, char **argv)
{
    // $display of Verilog goes to standard output, which is not for people here.
    int out = dup(STDOUT_FILENO);
    if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return 1;
    Verilated::commandArgs(argc, argv);
    Link link(STDIN_FILENO, out);
    try {
        serve(link);
    } catch (const std::exception &error) {
        std::string text = error.what();
        link.send(ERROR, std::vector<uint8_t>(text.begin(), text.end()));
        return 1;
    }
    return 0;
}
