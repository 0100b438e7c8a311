#include "patterns/examples/scaler.hpp"

int main() { return supe::run_component(examples::scaler); }
