"""What Redis runs in one piece: every script is one commit there.

All keys of a script are in one slot of a cluster but for `SETTLE`, which a cluster does not get.
"""

# KEYS: the state of the task, what the worker has in hand. ARGV: the message; the state that says
# the end, or nothing; commands that send what follows; both as JSON, lists of texts. A task that
# has ended already is left alone. What follows is sent by who has the message in hand: else that
# was done before, by a worker that had it since, over whose state a late one of ours may have been
# written, so the end is said again. Where there is no state either, Redis has lost what it had.
SETTLE = """
local old = redis.call('GET', KEYS[1])
if old and (string.find(old, '"State":"SUCCESS"', 1, true)
            or string.find(old, '"State":"FAILURE"', 1, true)) then
  return 0
end
local held = redis.call('LPOS', KEYS[2], ARGV[1])
for _, command in ipairs(cjson.decode(ARGV[2])) do redis.call(unpack(command)) end
if old and not held then return 0 end
for _, command in ipairs(cjson.decode(ARGV[3])) do redis.call(unpack(command)) end
return 1
"""

# KEYS: delayed messages, messages on their way. ARGV: now, how many. The earliest due come first.
RELEASE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, body in ipairs(due) do
  redis.call('ZREM', KEYS[1], body)
  redis.call('RPUSH', KEYS[2], body)
end
return due
"""

# KEYS: the lock. ARGV: its value. A lock that somebody else has by now stays.
UNLOCK = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

# KEYS: what a worker had in hand, the queue. ARGV: one message of it, which goes first again.
GIVE_BACK = """
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 1 then
  return redis.call('LPUSH', KEYS[2], ARGV[1])
end
return 0
"""

# KEYS: what a worker has in hand, the dead. ARGV: the message, its record.
BURY = """
redis.call('RPUSH', KEYS[2], ARGV[2])
return redis.call('LREM', KEYS[1], 1, ARGV[1])
"""
