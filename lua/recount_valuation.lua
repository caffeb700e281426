-- Sets the valuation totals of a book and of its strategies to what was counted from all positions,
-- after a torn write left them out of step. Only if nothing was applied or valued since they were
-- counted; else nothing changes and the caller counts on.
--
-- KEYS   the book hash first, then the hash of each strategy named, in the same order
-- ARGV   seq, valuation   of the book when it was counted
--        market_value, unrealized_pnl (JSON by settlement token), unmarked   of the book
--        then the same three for each strategy
-- Reply  {"recounted" | "moved", seq, valuation}; {"no_book"}

return function(KEYS, ARGV)
  local book = redis.call("HMGET", KEYS[1], "seq", "valuation")
  local seq, valuation = book[1], book[2] or "0"
  if not seq then
    return { "no_book" }
  end
  if seq ~= ARGV[1] or valuation ~= ARGV[2] then
    return { "moved", seq, valuation }
  end
  for index = 2, #KEYS do
    local place = 3 * index
    redis.call("HSET", KEYS[index], "market_value", ARGV[place],
      "unrealized_pnl", ARGV[place + 1], "unmarked", ARGV[place + 2])
  end
  valuation = string.format("%d", tonumber(valuation) + 1)
  redis.call("HSET", KEYS[1], "market_value", ARGV[3], "unrealized_pnl", ARGV[4],
    "unmarked", ARGV[5], "valuation", valuation, "valuation_torn", "0")
  return { "recounted", seq, valuation }
end
