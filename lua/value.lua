-- Marks positions to market: sets the mark of each and moves the totals of its strategy and of the
-- book by the same difference, so that totals and positions always agree, whatever is applied
-- between two calls. The quantity valued is the one held now. Not in the journal: a valuation can
-- be made again from the books and the marks.
--
-- KEYS   the book hash first, then the hashes of the positions and of their strategies
-- ARGV   for each position: "<strategy>:<instrument>", price ("" takes the mark away), time of the
--        mark (ns), "1" if it is stale, else "0"
-- Reply  {"valued", seq, positions valued}; {"need", keys...} (nothing changed); {"no_book"}
--
-- A position that does not exist is passed over. An inverse one is worth nothing that could be
-- told at price 0: that takes its mark away too.

local decimal = require("decimal")
local keys = require("keys")
local valuation = require("valuation")

local FIELDS = {
  "quantity", "cost", "multiplier", "inverse", "settlement", "mark", "market_value",
  "unrealized_pnl",
}
local TOTALS_FROM = 4

-- The fields to write of a position, and what its totals move by; nil when it does not exist.
local function revalued(key, price, time, stale)
  local values = redis.call("HMGET", key, unpack(FIELDS))
  if not values[1] then
    return nil
  end
  if values[4] == "1" and price ~= "" and decimal.sign(decimal.parse(price)) == 0 then
    price = ""
  end
  local valued = valuation.parse({ unpack(values, 6, 8) })
  valued.mark = price
  local fields, difference = valuation.follow({
    quantity = decimal.parse(values[1]), cost = decimal.parse(values[2]),
    was_open = values[1] ~= "0", valued = valued,
    about = { multiplier = values[3], inverse = values[4] },
  })
  local is_marked, count = price ~= "", #fields
  fields[count + 1], fields[count + 2] = "mark", price
  fields[count + 3], fields[count + 4] = "mark_time", is_marked and time or ""
  fields[count + 5], fields[count + 6] = "mark_stale", is_marked and stale or "0"
  return { key = key, settlement = values[5], difference = difference, fields = fields }
end

local function totals_of(key)
  return valuation.parse_totals(redis.call("HMGET", key, unpack(valuation.total_fields)))
end

return function(KEYS, ARGV)
  local declared = keys.declared(KEYS)
  local book_key = KEYS[1]
  local book = redis.call("HMGET", book_key, "seq", "valuation", "valuation_torn",
    unpack(valuation.total_fields))
  if not book[1] then
    return { "no_book" }
  end
  local of_book = valuation.parse_totals({ unpack(book, TOTALS_FROM, 6) })
  local changes, strategies = {}, {}
  for index = 1, #ARGV, 4 do
    local member = ARGV[index]
    local key = keys.key(declared, "position:" .. member)
    local strategy = keys.key(declared, keys.strategy(string.match(member, "^[^:]*")))
    local change = key and strategy
      and revalued(key, ARGV[index + 1], ARGV[index + 2], ARGV[index + 3])
    if change then
      changes[#changes + 1] = change
      if change.difference then
        if not strategies[strategy] then
          strategies[#strategies + 1], strategies[strategy] = strategy, totals_of(strategy)
        end
        valuation.add(strategies[strategy], change.settlement, change.difference)
        valuation.add(of_book, change.settlement, change.difference)
      end
    end
  end
  if #declared.needs > 0 then
    return { "need", unpack(declared.needs) }
  end
  if #changes == 0 then
    return { "valued", book[1], "0" }
  end

  -- A call cut off between its writes leaves totals that do not agree: until it is done, it shows.
  redis.call("HSET", book_key, "valuation_torn", "1")
  for index = 1, #changes do
    redis.call("HSET", changes[index].key, unpack(changes[index].fields))
  end
  for index = 1, #strategies do
    local key = strategies[index]
    redis.call("HSET", key, unpack(valuation.changed_totals(strategies[key])))
  end
  redis.call("HSET", book_key, "valuation", string.format("%d", tonumber(book[2] or "0") + 1),
    "valuation_torn", book[3] or "0", unpack(valuation.changed_totals(of_book)))
  return { "valued", book[1], string.format("%d", #changes) }
end
