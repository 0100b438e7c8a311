// A program at a terminal, for what it does only there: as a shell that edits its line.
#pragma once

#include "tests/support/command.hpp"

namespace support {

/// The destructor kills it, with its process group.
class terminal {
public:
    /// `variables`: on top of ours.
    terminal(std::vector<std::string> words, const std::map<std::string, std::string>& variables);
    ~terminal();
    terminal(const terminal&) = delete;
    terminal& operator=(const terminal&) = delete;

    void type(const std::string& keys);
    /// Closes the terminal, as a window is closed. The program may go on.
    void close();
    /// The same, and waits for the program's end. Its exit code; -1 when it goes on.
    int hang_up();
    /// Waits until the screen has `text` behind `from`. Returns its position, or npos.
    std::size_t find(const std::string& text, std::size_t from = 0);
    /// All that the program has written so far.
    const std::string& screen() const { return screen_; }

private:
    void read();

    pid_t pid_ = 0;
    int fd_ = -1;
    std::string screen_;
};

}  // namespace support
