// Receives mail and handles none of it.
require('supe').mail.receive();
