-- Keeps marks: for each subject, quote and class the newest one, whatever order they come in. A mark
-- that is older than the kept one of its class changes nothing but, perhaps, the close of its day.
-- At the same time the later arrival wins. No clock is read and no price is more than text here.
--
-- KEYS   marks, then of each mark: history, days
-- ARGV   of each mark: "<subject>/<quote>", class, price, time, source, received_at, UTC day
--        Times are nanoseconds.
-- Reply  {accepted, older}

local timestamps = require("timestamps")

local CLASSES = { "mark", "settlement", "mid", "last" }
local RECORD = '{"price":"%s","time":"%s","source":"%s","received_at":"%s"}'
local CLOSE = '{"price":"%s","time":"%s","received_at":"%s"}'
local HISTORY_LENGTH = "10000"
local ARGUMENTS_A_MARK = 7

local function decoded(text)
  return text and cjson.decode(text) or {}
end

-- Whether `known` has to give way.
local function is_newer(mark, known)
  if not known then
    return true
  elseif mark.time ~= known.time then
    return timestamps.not_later(known.time, mark.time)
  end
  return timestamps.not_later(known.received_at, mark.received_at)
end

local function record_text(record)
  return string.format(RECORD, record.price, record.time, record.source, record.received_at)
end

local function current_text(current)
  local parts = {}
  for _, class in ipairs(CLASSES) do
    if current[class] then
      parts[#parts + 1] = '"' .. class .. '":' .. record_text(current[class])
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function close_day(key, mark)
  local known = redis.call("HGET", key, mark.day)
  if is_newer(mark, known and cjson.decode(known)) then
    local close = string.format(CLOSE, mark.price, mark.time, mark.received_at)
    redis.call("HSET", key, mark.day, close)
  end
end

local function says_the_same(mark, known)
  return known and mark.price == known.price and mark.time == known.time
    and mark.source == known.source
end

-- An id cannot go back, but a class may lag behind another: it is filed under the last id's time.
local function add_to_history(key, mark)
  local id = string.sub(mark.time, 1, -7)
  id = id == "" and "0" or id
  local last = redis.call("XREVRANGE", key, "+", "-", "COUNT", "1")[1]
  if last then
    local fields = last[2]
    local newest = { price = fields[4], time = fields[6], source = fields[8] }
    if fields[2] == mark.class and says_the_same(mark, newest) then
      return -- by a call that was cut off
    end
    id = timestamps.later(id, string.match(last[1], "^%d+"))
  end
  redis.call("XADD", key, "MAXLEN", "~", HISTORY_LENGTH, id .. "-*", "class", mark.class,
    "price", mark.price, "time", mark.time, "source", mark.source,
    "received_at", mark.received_at)
end

-- The hash is written last, so that a call that was cut off can be made again.
local function keep(marks_key, history_key, days_key, mark)
  close_day(days_key, mark)
  local current = decoded(redis.call("HGET", marks_key, mark.pair))
  local known = current[mark.class]
  if not is_newer(mark, known) then
    return false
  end
  if not says_the_same(mark, known) then
    add_to_history(history_key, mark)
  end
  current[mark.class] = mark
  redis.call("HSET", marks_key, mark.pair, current_text(current))
  return true
end

return function(KEYS, ARGV)
  local accepted, older = 0, 0
  for place = 1, #ARGV, ARGUMENTS_A_MARK do
    local pair, class, price, time, source, received_at, day = unpack(ARGV, place, place + 6)
    local number = (place - 1) / ARGUMENTS_A_MARK
    local mark = { pair = pair, class = class, price = price, time = time, source = source,
      received_at = received_at, day = day }
    if keep(KEYS[1], KEYS[2 * number + 2], KEYS[2 * number + 3], mark) then
      accepted = accepted + 1
    else
      older = older + 1
    end
  end
  return { accepted, older }
end
