// The FIFO's test bench: random words at random paces on both sides, against a queue.
#include "Vfifo.h"
#include "verilated.h"

#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <random>
#include <utility>

namespace {

const int DEPTH = 16;

int fail(long cycle, const char *what)
{
    std::fprintf(stderr, "cycle %ld: %s\n", cycle, what);
    return 1;
}

} // namespace

int main(int argc, char **argv)
{
    Verilated::commandArgs(argc, argv);
    auto fifo = std::make_unique<Vfifo>();
    std::mt19937 random(1);
    std::deque<std::pair<uint32_t, bool>> expected;
    long through = 0, full = 0, empty = 0;

    for (long cycle = 0; cycle < 200000; cycle++) {
        // Now one side is quicker, now the other; and now and then a reset.
        unsigned phase = cycle / 1000 % 3;
        fifo->reset = cycle < 2 || cycle % 50000 == 49999;
        fifo->in_valid = random() % 4 >= (phase == 0 ? 3u : 1u);
        fifo->out_ready = random() % 4 >= (phase == 1 ? 3u : 1u);
        fifo->in_data = random();
        fifo->in_last = random() & 1;
        fifo->clk = 0;
        fifo->eval();
        if (cycle >= 2) {
            if (bool(fifo->in_ready) != (expected.size() < DEPTH))
                return fail(cycle, "in_ready is not what the number of words says");
            if (bool(fifo->out_valid) == expected.empty())
                return fail(cycle, "out_valid is not what the number of words says");
            full += !fifo->in_ready;
            empty += !fifo->out_valid;
        }
        bool takes = fifo->in_valid && fifo->in_ready && !fifo->reset;
        bool gives = fifo->out_valid && fifo->out_ready && !fifo->reset;
        if (gives) {
            if (expected.front() != std::make_pair(uint32_t(fifo->out_data), bool(fifo->out_last)))
                return fail(cycle, "another word comes out than went in");
            expected.pop_front();
            through++;
        }
        if (takes)
            expected.emplace_back(fifo->in_data, fifo->in_last);
        if (fifo->reset)
            expected.clear();
        fifo->clk = 1;
        fifo->eval();
    }
    fifo->final();
    if (through < 50000 || full < 1000 || empty < 1000)
        return fail(0, "the bench has tried too little");
    std::printf("%ld words in order; full for %ld cycles, empty for %ld\n", through, full, empty);
    return 0;
}
