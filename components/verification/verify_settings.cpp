#include "components/verification/verify_settings.hpp"

#include "components/verification/request_parts.hpp"

#include <algorithm>

namespace components {
namespace {

namespace json = boost::json;
using supe::field_reader;
using supe::located_value;

const located_value* member(const located_value& v, std::string_view key) {
    const auto found = std::ranges::find(v.members, key, &located_value::member::key);
    return found == v.members.end() ? nullptr : &found->value;
}

std::string source_in(const field_reader& in, const located_value& v) {
    std::string source = in.string(v);
    if (const std::string no = objection_to_source(source); !no.empty()) in.wrong(v, no);
    return source;
}

std::string separator_in(const field_reader& in, const located_value& v) {
    std::string text = in.string(v);
    if (text.size() != 1) in.wrong(v, "one character");
    return text;
}

std::chrono::seconds age_in(const field_reader& in, const located_value& v) {
    return std::chrono::duration_cast<std::chrono::seconds>(
        in.duration(v, std::chrono::seconds(1)));
}

/// The columns of those kinds that are nobody's.
std::vector<field_reader::field> column_fields(provider& p) {
    return {
        {"signature", [&p](auto& in, auto& x) { p.signature = source_in(in, x); }},
        {"prefix", [&p](auto& in, auto& x) { p.prefix = in.string(x); }},
        {"separator", [&p](auto& in, auto& x) { p.separator = separator_in(in, x); }},
        {"encoding",
         [&p](auto& in, auto& x) {
             p.encoding = in.template choice<text_encoding>(x, {{"hex", text_encoding::hex},
                                                                {"base64", text_encoding::base64},
                                                                {"plain", text_encoding::plain}});
         }},
        {"algorithm",
         [&p](auto& in, auto& x) {
             p.proof = in.template choice<proof_kind>(x, {{"hmac-sha256", proof_kind::hmac_sha256},
                                                          {"hmac-sha512", proof_kind::hmac_sha512},
                                                          {"hmac-sha1", proof_kind::hmac_sha1}});
         }},
        {"signs", [&p](auto& in, auto& x) { p.signs = in.string(x); }},
        {"timestamp", [&p](auto& in, auto& x) { p.timestamp = source_in(in, x); }}};
}

std::vector<field_reader::field> allowed_fields(verify_settings& s,
                                                std::vector<field_reader::field> all) {
    const bool is_hmac = s.how.kind == "hmac";
    for (auto& column : column_fields(s.how)) {
        const std::string_view name = column.first;
        const bool of_token = name == "signature" || name == "prefix" || name == "encoding";
        if (is_hmac || (s.how.kind == "token" && of_token)) all.push_back(std::move(column));
    }
    if (is_hmac || !s.how.timestamp.empty())
        all.push_back({"age", [&s](auto& in, auto& x) { s.how.age = age_in(in, x); }});
    return all;
}

provider kind_in(const field_reader& in, const located_value& v) {
    const located_value* kind = member(v, "kind");
    if (!kind) in.fail(v.position, "kind is missing: one of " + provider_kinds());
    const field_reader at = in.below("kind");
    const provider* known = find_provider(at.string(*kind));
    if (!known) at.fail(kind->position, kind->shown() + " is not one of " + provider_kinds());
    return *known;
}

void check_columns(const field_reader& in, const located_value& v, const provider& p) {
    if (p.signature.empty())
        in.fail(v.position, "signature is missing: where it stands, as in \"header:X-Signature\"");
    if (p.proof != proof_kind::token) {
        const std::string no = objection_to_signs(p.signs, !p.timestamp.empty());
        if (!no.empty()) in.below("signs").fail(v.position_of("signs"), "must be " + no);
    }
    if (p.age && p.timestamp.empty())
        in.below("age").fail(v.position_of("age"), "there is no timestamp whose age it could be");
    if (p.age && !signs_time(p.signs, p.timestamp))
        in.below("age").fail(v.position_of("age"),
                             "the time is not signed, and anybody could write another one: `signs` "
                             "needs {timestamp}");
}

std::filesystem::path file_in(const field_reader& in, const located_value& v,
                              const std::filesystem::path& base) {
    const std::string name = in.string(v);
    if (name.empty()) in.wrong(v, "the name of a file");
    return (base / name).lexically_normal();
}

}  // namespace

verify_settings read_verify(const field_reader& in, const located_value& v,
                            const std::filesystem::path& base) {
    if (!v.is_object) in.wrong(v, R"(an object like {"kind": "github", "key_file": "github.key"})");
    verify_settings s;
    s.how = kind_in(in, v);
    std::vector<field_reader::field> fields{
        {"kind", [](auto&, auto&) {}},
        {"key_file", [&](auto& at, auto& x) { s.key_files.push_back(file_in(at, x, base)); }},
        {"key_files", [&](auto& at, auto& x) {
             const auto& files = at.array(x);
             if (files.empty() || files.size() > 2) at.wrong(x, "one or two files");
             for (std::size_t i = 0; i < files.size(); ++i)
                 s.key_files.push_back(file_in(at.below(i), files[i], base));
         }}};
    if (s.how.challenge == "meta")
        fields.push_back(
            {"token_file", [&](auto& at, auto& x) { s.token_file = file_in(at, x, base); }});
    in.object(v, allowed_fields(s, std::move(fields)));
    if (s.key_files.empty() || (member(v, "key_file") && member(v, "key_files")))
        in.fail(v.position, "needs key_file, or key_files with one or two of them");
    if (s.how.challenge == "meta" && s.token_file.empty())
        in.fail(v.position, "needs token_file: the verify token that was given to Meta");
    check_columns(in, v, s.how);
    return s;
}

json::value to_json(const verify_settings& s) {
    json::object out{{"kind", s.how.kind}};
    json::array& files = out["key_files"].emplace_array();
    for (const auto& file : s.key_files) files.emplace_back(file.string());
    if (!s.token_file.empty()) out["token_file"] = s.token_file.string();
    const provider usual = *find_provider(s.how.kind);
    const auto put = [&out](const char* key, const std::string& is, const std::string& was) {
        if (is != was) out[key] = is;
    };
    put("signature", s.how.signature, usual.signature);
    put("prefix", s.how.prefix, usual.prefix);
    put("separator", s.how.separator, usual.separator);
    put("encoding", word_of(s.how.encoding), word_of(usual.encoding));
    put("algorithm", word_of(s.how.proof), word_of(usual.proof));
    put("signs", s.how.signs, usual.signs);
    put("timestamp", s.how.timestamp, usual.timestamp);
    if (s.how.age != usual.age && s.how.age) out["age"] = std::to_string(s.how.age->count()) + "s";
    return out;
}

}  // namespace components
