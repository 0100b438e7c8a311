#include "patterns/examples/poller.hpp"

int main() { return supe::run_component(examples::poller); }
