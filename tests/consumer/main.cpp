#include "supe/component/component.hpp"

supe::awaitable<> ticker(supe::component& self);

int main() { return supe::run_component(ticker); }
