// lengths [--stream] [--first-event N] [--n-events N] LOG
// A histogram of the lengths of lines; a line of the log is an event.
//
// To find the first line of a range it needs the places of all lines.  It makes that table once; with --stream it
// then takes event ranges from standard input until there are no more: docs/event-streams.md.

#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

class Log {
public:
    explicit Log(const std::string& path) : file(path) {
        if (!file) throw std::runtime_error("cannot read " + path);
        std::string line;
        for (std::streampos at = 0; std::getline(file, line); at = file.tellg()) places.push_back(at);
        file.clear();
    }

    long size() const { return static_cast<long>(places.size()); }

    // Writes how many of the lines [first, stop) have each length; long ones count as 80.
    void lengths(long first, long stop, const std::string& path) {
        if (first < 0 || stop > size()) throw std::out_of_range("the log has " + std::to_string(size()) + " lines");
        std::map<std::size_t, long> counts;
        std::string line;
        if (first < stop) file.seekg(places[first]);
        for (long event = first; event < stop; ++event) {
            std::getline(file, line);
            ++counts[std::min<std::size_t>(line.size(), 80)];
        }
        std::ofstream out(path);
        for (const auto& [length, count] : counts) out << length << ' ' << count << '\n';
        if (!out.flush()) throw std::runtime_error("cannot write " + path + ": No space left on device?");
    }

private:
    std::ifstream file;
    std::vector<std::streampos> places;
};

// Returns a field of a line of JSON in which its name stands once: a number, or text.
std::string field(const std::string& line, const std::string& name) {
    const std::string key = "\"" + name + "\":";
    std::size_t at = line.find(key);
    if (at == std::string::npos) return "";
    at += key.size();
    if (line[at] != '"') return line.substr(at, line.find_first_of(",}", at) - at);
    std::string value;
    for (++at; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] == '\\') ++at;
        value += line[at];
    }
    return value;
}

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (char each : text) {
        if (each == '"' || each == '\\') result += '\\';
        result += each < ' ' ? ' ' : each;
    }
    return result + '"';
}

void say(const std::string& line) { std::cout << line << std::endl; }

void serve(Log& log) {
    say(R"({"type":"ready","capacity":1})");
    say(R"({"type":"get","n":1})");
    for (std::string line; std::getline(std::cin, line);) {
        const std::string type = field(line, "type");
        if (type == "no_more") break;
        if (type != "ranges") continue;
        const std::string range = field(line, "range");
        try {
            log.lengths(std::stol(field(line, "first")), std::stol(field(line, "stop")),
                        field(line, "outdir") + "/lengths.txt");
            say(R"({"type":"done","range":)" + quoted(range) + "}");
        } catch (const std::exception& error) {
            say(R"({"type":"error","range":)" + quoted(range) + R"(,"message":)" + quoted(error.what()) + "}");
        }
        say(R"({"type":"get","n":1})");
    }
    say(R"({"type":"bye"})");
}

}  // namespace

int main(int count, char** words) try {
    bool stream = false;
    long first = 0, n_events = -1;
    std::string path;
    for (int at = 1; at < count; ++at) {
        const std::string word = words[at];
        if (word == "--stream") stream = true;
        else if (word == "--first-event" && at + 1 < count) first = std::stol(words[++at]);
        else if (word == "--n-events" && at + 1 < count) n_events = std::stol(words[++at]);
        else path = word;
    }
    Log log(path);
    if (stream) serve(log);
    else log.lengths(first, n_events < 0 ? log.size() : first + n_events, "lengths.txt");
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "lengths: %s\n", error.what());
    return 1;
}
