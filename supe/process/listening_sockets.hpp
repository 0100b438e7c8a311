#pragma once
#include <string>
#include <vector>
#include <filesystem>
namespace supe { class listening_sockets_of_child { public: listening_sockets_of_child(const std::vector<std::string>&, const std::filesystem::path&); std::vector<int> descriptors() const; }; }
