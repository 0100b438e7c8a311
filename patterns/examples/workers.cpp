#include "patterns/examples/workers.hpp"

int main() { return supe::run_component(examples::workers); }
