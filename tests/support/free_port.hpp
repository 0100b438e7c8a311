#pragma once

namespace support {

/// A port of 127.0.0.1 for a program that will listen on it. It is below the ports that the kernel
/// gives to connections, and it stays reserved among the tests until this process ends: nobody
/// takes it between this call and the program's start.
unsigned short free_port();

}  // namespace support
