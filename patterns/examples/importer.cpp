#include "patterns/examples/importer.hpp"

int main() { return supe::run_component(examples::importer); }
