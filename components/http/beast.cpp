// Beast, and Asio's TLS that it speaks through, compiled once (…_SEPARATE_COMPILATION).
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
