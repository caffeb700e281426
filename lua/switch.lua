-- Puts a shadow in the place of a book: renames every shadow key over its live key, and what stood
-- there aside, so that it can still be compared. Only if the book stands where the shadow was made
-- from: then nothing was applied and nothing valued since, and no key can have changed but by hand.
--
-- KEYS   the book hash, then for each key of the shadow: shadow, live, aside; the book's own last;
--        then for each live key the shadow does not have: live, aside
-- ARGV   seq, digest, valuation   of the book as it was seen; "" for a book that is not there
--        how many keys the shadow has
-- Reply  {"switched", keys put in place, keys taken away}; {"moved", seq, digest, valuation}

return function(KEYS, ARGV)
  local stands = redis.call("HMGET", KEYS[1], "seq", "digest", "valuation")
  for index = 1, 3 do
    stands[index] = stands[index] or ""
  end
  if stands[1] ~= ARGV[1] or stands[2] ~= ARGV[2] or stands[3] ~= ARGV[3] then
    return { "moved", stands[1], stands[2], stands[3] }
  end
  local last = 1 + 3 * tonumber(ARGV[4])
  -- Asked before anything is renamed: a shadow that lost a key must not take the book's place.
  for index = 2, last, 3 do
    if redis.call("EXISTS", KEYS[index]) == 0 then
      return { "moved", KEYS[index], "", "" }
    end
  end
  local gone = 0
  for index = last + 1, #KEYS, 2 do
    if redis.call("EXISTS", KEYS[index]) == 1 then
      redis.call("RENAME", KEYS[index], KEYS[index + 1])
      gone = gone + 1
    end
  end
  for index = 2, last, 3 do
    if redis.call("EXISTS", KEYS[index + 1]) == 1 then
      redis.call("RENAME", KEYS[index + 1], KEYS[index + 2])
    end
    redis.call("RENAME", KEYS[index], KEYS[index + 1])
  end
  return { "switched", ARGV[4], string.format("%d", gone) }
end
