# A component in Ruby, which passes `supe conformance -- ruby client.rb`.
# handle is yours; the rest is the wire (contract, sections 2 and 3).
require 'json'

CHANNEL = IO.for_fd(ENV.fetch('NODE_CHANNEL_FD').to_i, 'r+b')
CHANNEL.sync = true # each write is sent at once, and whole

def send_frame(frame)
  CHANNEL.write(JSON.generate(frame, max_nesting: 0) + "\n")
end

def signal(name, **data)
  send_frame(type: 'signal', signal: name, data: data)
end

def ready
  signal('READY-TO-RECEIVE-MAIL', window: 8)
end

def handle(mail)
  msg = mail['msg']
  return unless msg.is_a?(Hash)

  send_frame(type: 'mail', to: mail['from'], msg: msg['reply']) if msg.key?('reply')
  signal('NOT-READY-TO-RECEIVE-MAIL') if msg.key?('pause')
end

ready
while (line = CHANNEL.gets)
  frame = JSON.parse(line, max_nesting: 0)
  if frame['type'] == 'mail'
    handle(frame) # before the ack: until then the mail is delivered again after a crash
    signal('ACK-CURRENT-MAIL', ids: [frame['id']])
    ready if frame['msg'].is_a?(Hash) && frame['msg'].key?('pause')
  elsif frame['signal'] == 'SUPE-SHUTDOWN'
    break
  end
end
