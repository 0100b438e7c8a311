#include "ticker.hpp"

int main() { return supe::run_component(ticker); }
