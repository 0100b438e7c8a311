// The head of a destination's answer, as destinations really send it. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace components {

/// Reads the head of one answer while its bytes come. The status in the first line decides
/// (contract §7), so no more than that must be right: lines may end in a bare line feed, the reason
/// may be missing, and fields may be of any form. Whether the connection can go on is for a strict
/// parser to say.
class answer_head {
public:
    /// Looks at all bytes so far: those of the calls before, and what came since.
    void read(std::string_view bytes);

    /// This is no HTTP.
    bool is_foreign() const { return foreign_; }
    /// 0 until its first line says it.
    int status() const { return status_; }
    /// Another answer follows (RFC 9110 §15.2). After 101 none does.
    bool is_interim() const { return status_ >= 100 && status_ < 200 && status_ != 101; }
    /// Its empty line is there.
    bool is_whole() const { return size_ > 0; }
    /// With the empty line, once it is there; also with empty lines before it.
    std::size_t size() const { return size_; }

private:
    void read_status(std::string_view bytes);

    std::size_t begin_ = 0;     // behind empty lines
    std::size_t searched_ = 0;  // no empty line ends before that
    std::size_t size_ = 0;
    int status_ = 0;
    bool foreign_ = false;
};

/// The value of the first field of this name in the whole lines of a head; empty where there is
/// none.
std::string_view field_of_head(std::string_view head, std::string_view name);

}  // namespace components
