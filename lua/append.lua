-- Appends frames to a gateway's lane under dense ids: the entry with number n has the id n-0, so
-- what the lane already holds, and what it lost, can be told from the number alone.
--
-- KEYS   lane (stream), source (hash: which outbox writes this lane, and how far), book, lanes
-- ARGV   outbox      identity of the outbox that numbers the entries
--        lane        name of the lane, "executions:<source>"
--        base        number of the first entry given
--        ahead_max   entries the lane may be ahead of the book's cursor
--        then for each entry: frame (bytes), received_at (ns), context (msgpack, may be empty)
-- Reply  {status, top, cursor}
--        appended   top is the last number in the lane
--        gap        the lane ends before base - 1 (a tail was lost): send again from top + 1
--        duplicate  all of it was there already, with the same content
--        conflict   another outbox owns the lane, or an entry differs (its number is the fourth text)
--        busy       the lane is too far ahead of the cursor; nothing was appended

local function text(number)
  return string.format("%d", number)
end

local function same(lane, number, frame, context)
  local id = text(number) .. "-0"
  local present = redis.call("XRANGE", lane, id, id)[1]
  if not present then
    return true -- trimmed: it was applied and archived
  end
  local fields = {}
  for index = 1, #present[2], 2 do
    fields[present[2][index]] = present[2][index + 1]
  end
  return fields.frame == frame and fields.context == context
end

return function(KEYS, ARGV)
  local lane, source, book, lanes = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
  local outbox, name, base = ARGV[1], ARGV[2], tonumber(ARGV[3])
  local owner = redis.call("HMGET", source, "outbox", "top")
  local cursor = redis.call("HGET", book, "cursor:" .. name) or "0-0"
  local top = tonumber(owner[2] or "0")
  local count = (#ARGV - 4) / 3
  if owner[1] and owner[1] ~= outbox then
    return { "conflict", text(top), cursor, "0" }
  end
  if base > top + 1 then
    return { "gap", text(top), cursor }
  end
  local index = 1
  while index <= count and base + index - 1 <= top do
    local place = 2 + 3 * index
    if not same(lane, base + index - 1, ARGV[place], ARGV[place + 2]) then
      return { "conflict", text(top), cursor, text(base + index - 1) }
    end
    index = index + 1
  end
  if index > count then
    return { "duplicate", text(top), cursor }
  end
  local applied = tonumber(string.match(cursor, "^%d+"))
  local last = base + count - 1
  if last - applied > tonumber(ARGV[4]) then
    return { "busy", text(top), cursor }
  end
  for number = index, count do
    local place = 2 + 3 * number
    redis.call("XADD", lane, text(base + number - 1) .. "-0", "frame", ARGV[place],
      "received_at", ARGV[place + 1], "context", ARGV[place + 2])
  end
  redis.call("HSET", source, "outbox", outbox, "top", text(last))
  redis.call("ZADD", lanes, "0", name)
  return { "appended", text(last), cursor }
end
