// The program's side of crates/mount/src/far/PROTOCOL.md: frames over two descriptors, and the words of one
// stream in each direction. It knows nothing of Verilog; another simulator's wrapper takes it as it is.
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace protocol {

enum Kind : uint8_t { HELLO = 1, RUN = 2, RESET = 3, END = 4, ERROR = 5 };
enum Mark : uint8_t { NONE = 0, MESSAGE = 1, STREAM_ENDS = 2 };

const uint32_t VERSION = 1;
const uint32_t MOST_BODY = 4 << 20;

// A stream's direction, width and name, as hello tells them.
struct Stream {
    unsigned width = 0;
    bool to_host = false, from_host = false, messages = false;
    std::string name;
};

// A word, or what stands between words.
struct Item {
    uint32_t word = 0;
    bool last = false; // of a message
    bool end = false;  // of the stream: no word
};

class Bytes {
    const std::vector<uint8_t> &body;
    size_t at = 0;

public:
    explicit Bytes(const std::vector<uint8_t> &from) : body(from) {}

    const uint8_t *take(size_t count)
    {
        if (count > body.size() - at)
            throw std::runtime_error("a frame is shorter than it says");
        at += count;
        return body.data() + at - count;
    }

    uint8_t byte() { return *take(1); }

    uint32_t word()
    {
        const uint8_t *from = take(4);
        return from[0] | from[1] << 8 | from[2] << 16 | uint32_t(from[3]) << 24;
    }
};

inline void put(std::vector<uint8_t> &to, uint32_t value, unsigned bytes)
{
    for (unsigned byte = 0; byte < bytes; byte++)
        to.push_back(value >> (8 * byte));
}

// The way to bugcheck.
class Link {
    int in, out;
    std::vector<Stream> known;

    // False where it ends before the first byte.
    bool fill(uint8_t *to, size_t count)
    {
        for (size_t got = 0; got < count;) {
            ssize_t now = read(in, to + got, count - got);
            if (now < 0 && errno == EINTR)
                continue;
            if (now == 0 && got == 0)
                return false;
            if (now <= 0)
                throw std::runtime_error("standard input ends within a frame");
            got += now;
        }
        return true;
    }

public:
    Link(int from, int to) : in(from), out(to) {}

    const std::vector<Stream> &streams() const { return known; }

    // The next frame; END where there is none any more.
    Kind receive(std::vector<uint8_t> &body)
    {
        uint8_t head[8];
        if (!fill(head, sizeof head))
            return END;
        std::vector<uint8_t> copy(head, head + sizeof head);
        uint32_t bytes = Bytes(copy).word();
        if (bytes > MOST_BODY)
            throw std::runtime_error("a frame is too long");
        body.resize(bytes);
        if (bytes && !fill(body.data(), bytes))
            throw std::runtime_error("standard input ends within a frame");
        return Kind(head[4]);
    }

    void send(Kind kind, const std::vector<uint8_t> &body)
    {
        std::vector<uint8_t> frame;
        put(frame, body.size(), 4);
        put(frame, kind, 4);
        frame.insert(frame.end(), body.begin(), body.end());
        for (size_t sent = 0; sent < frame.size();) {
            ssize_t now = write(out, frame.data() + sent, frame.size() - sent);
            if (now < 0 && errno == EINTR)
                continue;
            if (now < 0)
                std::exit(1); // nobody is there to be told
            sent += now;
        }
    }

    // Greets, and learns what streams there are.
    void greet()
    {
        std::vector<uint8_t> body;
        if (receive(body) != HELLO)
            throw std::runtime_error("the first frame is no hello");
        Bytes from(body);
        if (from.word() != VERSION)
            throw std::runtime_error("bugcheck speaks another version of the protocol");
        from.word(); // the window: queues here grow as they need to
        for (uint32_t left = from.word(); left; left--) {
            Stream stream;
            from.byte();
            stream.width = from.byte();
            uint8_t flags = from.byte();
            stream.to_host = flags & 1;
            stream.from_host = flags & 2;
            stream.messages = flags & 4;
            uint8_t length = from.byte();
            stream.name.assign(reinterpret_cast<const char *>(from.take(length)), length);
            known.push_back(stream);
        }
        body.clear();
        put(body, VERSION, 4);
        send(HELLO, body);
    }
};

// What one stream has on its way.
struct Queue {
    std::deque<Item> to_logic;
    uint32_t taken = 0; // bytes that the logic took since the last answer
    uint32_t room = 0;  // bytes that may still be sent in this answer
    std::vector<Item> to_host;

    // Takes over a part of run. A message is complete with its last word, so bytes that may be the last
    // wait for what follows them within the frame.
    void given(Bytes &from, unsigned width, Mark mark)
    {
        room = from.word();
        uint32_t length = from.word();
        if (length % width)
            throw std::runtime_error("a part has no whole words");
        const uint8_t *bytes = from.take(length);
        for (uint32_t at = 0; at < length; at += width) {
            Item item;
            for (unsigned byte = 0; byte < width; byte++)
                item.word |= uint32_t(bytes[at + byte]) << (8 * byte);
            to_logic.push_back(item);
        }
        if (mark == MESSAGE) {
            if (to_logic.empty() || to_logic.back().end)
                throw std::runtime_error("a message ends behind a word that the logic has already");
            to_logic.back().last = true;
        } else if (mark == STREAM_ENDS) {
            Item end;
            end.end = true;
            to_logic.push_back(end);
        }
    }

    // Appends this stream's parts of ran; how many there are.
    uint32_t tell(std::vector<uint8_t> &to, uint8_t number, unsigned width, bool messages)
    {
        uint32_t parts = 0;
        size_t at = 0;
        do {
            std::vector<uint8_t> bytes;
            Mark mark = NONE;
            while (at < to_host.size() && mark == NONE) {
                const Item &item = to_host[at++];
                if (item.end) {
                    mark = STREAM_ENDS;
                    break;
                }
                put(bytes, item.word, width);
                if (item.last && messages)
                    mark = MESSAGE;
            }
            put(to, number, 1);
            put(to, mark, 3);
            put(to, parts ? 0 : taken, 4);
            put(to, bytes.size(), 4);
            to.insert(to.end(), bytes.begin(), bytes.end());
            parts++;
        } while (at < to_host.size());
        to_host.clear();
        taken = 0;
        return parts;
    }
};

} // namespace protocol

#endif
