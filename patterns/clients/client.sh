#!/bin/bash
# A component in bash, which passes `supe conformance -- bash client.sh`. It takes the JSON apart by
# the order of members in the supervisor's frames: the type is first, and msg is between from and id.
# Bash reads a socket byte by byte: a mail of 16 MiB takes it seconds.
# handle() is yours; the rest is the wire (contract, sections 2 and 3).
LC_ALL=C # bytes: quicker, and nothing here looks at characters

send() { printf '%s\n' "$1" >&"$NODE_CHANNEL_FD"; }
signal() { send "{\"type\":\"signal\",\"signal\":\"$1\"}"; }

# Both are JSON text: `from` with its quotes.
handle() { # from msg
    case $2 in
        '{"reply":'*)
            local value=${2#'{"reply":'}
            send "{\"type\":\"mail\",\"to\":$1,\"msg\":${value%\}}}" ;;
        '{"pause":'*)
            signal NOT-READY-TO-RECEIVE-MAIL ;;
    esac
}

signal READY-TO-RECEIVE-MAIL
while IFS= read -r -u "$NODE_CHANNEL_FD" frame; do
    case $frame in
        '{"type":"mail","from":'*)
            from=${frame#'{"type":"mail","from":'}
            from=${from%%,\"msg\":*}
            msg=${frame#*',"msg":'}
            msg=${msg%,\"id\":*} # the last one: what is before it belongs to msg
            handle "$from" "$msg"       # before the ack: until then the mail comes again after a crash
            signal ACK-CURRENT-MAIL     # without ids: the oldest in flight
            case $msg in '{"pause":'*) signal READY-TO-RECEIVE-MAIL ;; esac ;;
        *'"signal":"SUPE-SHUTDOWN"'*)
            break ;;
    esac
done
exit 0
