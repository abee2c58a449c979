"""The scripts of the shared poll: what Redis does as a whole, so that no two processes ask or publish at once."""

from __future__ import annotations

from typing import Final

# KEYS: a hash with how all stands, the stream of outcomes, and the list of their lengths. Times are milliseconds by
# Redis's clock. Positions are compared as texts of one length, since Lua's numbers do not hold them.
_BEGIN: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local poll = KEYS[1]
local function get(field) return redis.call('HGET', poll, field) or '' end
local function set(...) redis.call('HSET', poll, ...) end
local function drop(...) redis.call('HDEL', poll, ...) end
local function keep(ttl)
  for _, key in ipairs(KEYS) do
    if redis.call('PTTL', key) < tonumber(ttl) then redis.call('PEXPIRE', key, ttl) end
  end
end
local function whether(found) return found and 1 or 0 end
local function reply(granted, wait, age)
  return {whether(granted), wait, get('tip'), get('high'), age, whether((tonumber(get('late')) or 0) > now),
    whether(get('whole') == '1'), whether(get('rests') == '1'), whether(get('failing') == '1'),
    tonumber(get('answered')) or 0, tonumber(get('rounds')) or 0, get('who'), get('resets')}
end
local function holds(token, life)
  local till = tonumber(get('till')) or 0
  return token ~= '' and get('token') == token and now < till and till <= now + life
end
"""

# ARGV: token, member, cursor, high, interval, grace, late ('' for none), whole, joins, claim's life, expiry
CLAIM: Final = (
    _BEGIN
    + """
local token, member, cursor, high = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local interval, life = tonumber(ARGV[5]), tonumber(ARGV[10])
if ARGV[7] ~= '' and now + ARGV[7] > (tonumber(get('late')) or 0) then set('late', now + ARGV[7]) end
if ARGV[8] == '1' then set('whole', '1') end
local asked, till = tonumber(get('asked')) or 0, tonumber(get('till')) or 0
if asked > now then asked = 0 end
local age = -1
if asked > 0 then age = now - asked end
local soon = math.max(interval, 250)
local wait = 0
local others = get('high')
if get('token') ~= '' and now < till and till <= now + life then
  wait = math.min(till - now, soon)
elseif (tonumber(get('until')) or 0) > now then
  wait = get('until') - now
elseif cursor ~= get('tip') and not (ARGV[9] == '1' and (others == '' or high >= others)) then
  wait = soon
else
  local due = asked + interval * 0.95
  if interval > 0 and get('who') ~= member then due = due + ARGV[6] end
  wait = math.max(0, math.ceil(due - now))
end
if wait == 0 then set('token', token, 'till', now + life, 'asked', now, 'who', member) end
keep(ARGV[11])
return reply(wait == 0, wait, age)
"""
)

# ARGV: token, cursor, data, high, ends, syncs, rests, goes on, wait ('' unless it failed), back ('' without a reset),
# claim's life, expiry, most
PUBLISH: Final = (
    _BEGIN
    + """
local token, cursor, data, life = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[11])
if not holds(token, life) or cursor ~= get('tip') then return reply(false, 0, -1) end
if data ~= '' then
  local size = (tonumber(get('size')) or 0) + #data
  set('tip', redis.call('XADD', KEYS[2], '*', 'before', cursor, 'data', data))
  redis.call('RPUSH', KEYS[3], #data)
  local count = redis.call('LLEN', KEYS[3])
  local kept = count
  while size > tonumber(ARGV[13]) and kept > 1 do
    size = size - redis.call('LPOP', KEYS[3])
    kept = kept - 1
  end
  if kept < count then redis.call('XTRIM', KEYS[2], 'MAXLEN', kept) end
  set('size', size)
  if ARGV[10] ~= '' then
    local resets = get('resets') .. get('tip') .. ':' .. ARGV[10] .. ' '
    if #resets > 800 then resets = string.gsub(resets, '^%S+ ', '') end
    set('resets', resets)
  end
end
if ARGV[9] ~= '' then
  set('failing', '1', 'until', now + ARGV[9])
else
  redis.call('HINCRBY', poll, 'answered', 1)
  if ARGV[5] == '1' then redis.call('HINCRBY', poll, 'rounds', 1) end
  if ARGV[6] == '1' then drop('whole') end
  drop('failing', 'until')
  set('high', ARGV[4], 'rests', ARGV[7])
end
if ARGV[8] == '1' then set('till', now + life) else drop('token') end
keep(ARGV[12])
return reply(true, 0, -1)
"""
)

LOOK: Final = _BEGIN + "return reply(false, 0, -1)"

# ARGV: token, claim's life
HOLD: Final = _BEGIN + "if holds(ARGV[1], tonumber(ARGV[2])) then set('till', now + ARGV[2]) end"
DONE: Final = _BEGIN + "if holds(ARGV[1], tonumber(ARGV[2])) then drop('token') end"
