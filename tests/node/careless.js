// Receives mail and handles no mail.
require('supe').mail.receive();
