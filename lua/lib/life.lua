-- The life of an asset: what happens to a position without anybody trading. Events come from
-- outside, never from a clock, and reach every strategy that holds the instrument, in the order of
-- their names, unless they name one.

local decimal = require("decimal")
local leg = require("leg")
local movements = require("movements")
local outcome = require("outcome")
local pending_state = require("pending")
local position = require("position")
local sweep = require("sweep")
local timestamps = require("timestamps")
local token_amounts = require("token_amounts")

local M = {}

local sign, negate, text, scale = decimal.sign, decimal.negate, decimal.text, decimal.scale
local add, subtract, multiply = decimal.add, decimal.subtract, decimal.multiply
local absolute, compare = decimal.absolute, decimal.compare
local ZERO = decimal.zero

-- The first among equals of the largest size.
local function largest(sizes)
  local found = 1
  for index = 2, #sizes do
    if compare(absolute(sizes[index]), absolute(sizes[found])) > 0 then
      found = index
    end
  end
  return found
end

local function sum(amounts)
  local total = ZERO
  for index = 1, #amounts do total = add(total, amounts[index]) end
  return total
end

-- Parts of `whole` in the proportion of `sizes`, the remainder to the largest; all of it to the
-- largest when the sizes cancel.
local function shared_out(whole, sizes)
  local all, parts = sum(sizes), {}
  for index = 1, #sizes do
    parts[index] = sign(all) == 0 and ZERO or leg.share(whole, sizes[index], all)
  end
  local place = largest(sizes)
  parts[place] = add(parts[place], subtract(whole, sum(parts)))
  return parts
end

local function quantities(holders)
  local list = {}
  for index = 1, #holders do list[index] = holders[index].held.quantity end
  return list
end

local function earn_all(work, holders, parts)
  for index = 1, #holders do
    if sign(parts[index]) ~= 0 then
      local held, terms = sweep.take(work, holders[index])
      sweep.earn(work, held, terms, work.facts, parts[index], nil)
    end
  end
end

-- A payment that no position explains: the balance has it, no strategy does.
local function unattributed(work, facts)
  if not facts.amount then
    return outcome.new("noted", "no_position")
  end
  sweep.settle(work, facts.location, facts.chain_id, { facts.token, decimal.parse(facts.amount) })
  return sweep.done(work, "applied", "unattributed")
end

-- Funding by each position's own size: long pays when the rate is above zero.
local function funding_by_rate(facts, holders)
  local rate = facts.rate and decimal.parse(facts.rate)
  local price = facts.price and decimal.parse(facts.price)
  local parts = {}
  if not rate or not price then
    return nil
  end
  for index = 1, #holders do
    local terms, quantity = holders[index].terms, holders[index].held.quantity
    local size = multiply(multiply(quantity, terms.multiplier), rate)
    if not terms.inverse then
      parts[index] = negate(multiply(size, price))
    elseif sign(price) == 0 then
      return nil
    else
      parts[index] = negate(decimal.divide(size, price, 18))
    end
  end
  return parts
end

function M.funding(facts, state)
  if facts.token ~= facts.settlement then
    return outcome.new("refused", "token_mismatch")
  end
  local work = sweep.new(facts, state)
  local holders = sweep.holders(work)
  if #holders == 0 then
    return unattributed(work, facts)
  end
  local held = quantities(holders)
  local amount = facts.amount and decimal.parse(facts.amount)
  local parts
  if amount and sign(sum(held)) ~= 0 then
    parts = shared_out(amount, held)
  else
    parts = funding_by_rate(facts, holders)
    if not parts then
      return outcome.new("refused", "rate_missing")
    end
    if amount then
      local place = largest(held)
      parts[place] = add(parts[place], subtract(amount, sum(parts)))
    end
  end
  earn_all(work, holders, parts)
  sweep.settle(work, facts.location, facts.chain_id, { facts.token, amount or sum(parts) })
  return sweep.done(work)
end

local function accruals(facts, holders)
  local rate, parts = decimal.parse(facts.rate), {}
  for index = 1, #holders do
    local terms = holders[index].terms
    parts[index] = multiply(multiply(holders[index].held.quantity, terms.multiplier), rate)
  end
  return parts
end

local function dividend_ex(facts, state, held)
  if held.exists then
    return outcome.new("refused", "dividend_exists")
  end
  local work = sweep.new(facts, state)
  local holders = sweep.holders(work)
  if #holders == 0 then
    return outcome.new("noted", "no_position")
  end
  local parts, shares = accruals(facts, holders), token_amounts.new()
  for index = 1, #holders do
    token_amounts.set(shares, holders[index].strategy, parts[index])
  end
  earn_all(work, holders, parts)
  local amount = sum(parts)
  state.keep_pending(held)
  held.values = { kind = "dividend", status = "receivable", instrument = facts.instrument,
    token = facts.token, amount = text(amount), shares = token_amounts.text(shares),
    sent_at = facts.executed_at, ended_at = "" }
  sweep.effect(work, pending_state.json(held))
  sweep.sum(work, "receivable", facts.token, amount)
  return sweep.done(work)
end

local function dividend_paid(facts, state, held)
  if not held.exists then
    return outcome.new("refused", "unknown_dividend")
  elseif held.values.status ~= "receivable" then
    return outcome.new("refused", "dividend_ended")
  elseif held.values.instrument ~= facts.instrument then
    return outcome.new("refused", "dividend_mismatch")
  end
  local work = sweep.new(facts, state)
  local due = decimal.parse(held.values.amount)
  local cash = facts.amount and decimal.parse(facts.amount) or due
  local difference = subtract(cash, due)
  if sign(difference) ~= 0 then
    local shares, sizes = token_amounts.parse(held.values.shares), {}
    for index = 2, #shares, 2 do sizes[index / 2] = shares[index] end
    local parts = shared_out(difference, sizes)
    for index = 1, #parts do
      if sign(parts[index]) ~= 0 then
        local owner, terms = sweep.position(work, shares[2 * index - 1], facts)
        sweep.earn(work, owner, terms, facts, parts[index], nil)
      end
    end
  end
  sweep.settle(work, facts.location, facts.chain_id, { facts.token, cash })
  state.keep_pending(held)
  held.values.status, held.values.ended_at = "paid", facts.executed_at
  sweep.effect(work, pending_state.json(held))
  sweep.sum(work, "receivable", facts.token, negate(due))
  return sweep.done(work)
end

local function dividend_whole(facts, state, held)
  if held.exists then
    return outcome.new("refused", "dividend_exists")
  end
  local work = sweep.new(facts, state)
  local holders = sweep.holders(work)
  if #holders == 0 then
    return unattributed(work, facts)
  end
  local parts = accruals(facts, holders)
  local due = sum(parts)
  local cash = facts.amount and decimal.parse(facts.amount) or due
  local difference = subtract(cash, due)
  if sign(difference) ~= 0 then
    local more = shared_out(difference, parts)
    for index = 1, #parts do parts[index] = add(parts[index], more[index]) end
  end
  earn_all(work, holders, parts)
  sweep.settle(work, facts.location, facts.chain_id, { facts.token, cash })
  return sweep.done(work)
end

local DIVIDEND_STEPS = { ex = dividend_ex, paid = dividend_paid, whole = dividend_whole }

function M.dividend(facts, state)
  if facts.token ~= facts.settlement then
    return outcome.new("refused", "token_mismatch")
  end
  return DIVIDEND_STEPS[facts.step](facts, state, state.pending("dividend." .. facts.dividend))
end

-- quantity * numerator / denominator towards zero at `decimals`.
local function split_quantity(quantity, numerator, denominator, decimals)
  local size = absolute(quantity)
  local whole = decimal.multiply_divide(size, numerator, denominator, decimals)
  if compare(multiply(whole, denominator), multiply(size, numerator)) > 0 then
    whole = subtract(whole, decimal.divide(decimal.parse("1"), decimal.parse("1"
      .. string.rep("0", decimals)), decimals))
  end
  return sign(quantity) < 0 and negate(whole) or whole
end

-- What a split makes of a position: its new quantity, and what a fraction paid out takes with it.
local function split_one(facts, holder)
  local numerator, denominator = decimal.parse(facts.numerator), decimal.parse(facts.denominator)
  local held = holder.held
  local due = multiply(held.quantity, numerator)
  local quantity = split_quantity(held.quantity, numerator, denominator, tonumber(facts.decimals))
  local rest = subtract(due, multiply(quantity, denominator))
  if sign(rest) == 0 or not (facts.price or sign(quantity) == 0) then
    return { quantity = quantity, cost = held.cost, realized = ZERO, removed = ZERO }
  end
  local removed = held.cost
  if sign(quantity) ~= 0 then
    removed = leg.share(held.cost, absolute(rest), absolute(due))
  end
  local cash = ZERO
  if facts.price then
    local value = multiply(multiply(rest, decimal.parse(facts.price)), holder.terms.multiplier)
    cash = decimal.divide(value, denominator, 18)
  end
  return { quantity = quantity, cost = subtract(held.cost, removed), removed = removed,
    realized = subtract(cash, removed), paid = negate(cash), cash = cash }
end

function M.split(facts, state)
  local work = sweep.new(facts, state)
  local holders = sweep.holders(work)
  if #holders == 0 then
    return outcome.new("noted", "no_position")
  end
  local kind = facts.instrument_kind
  local cash = ZERO
  for index = 1, #holders do
    local held, terms = sweep.take(work, holders[index])
    local change = split_one(facts, holders[index])
    change.is_rescaled = true
    local moved = sweep.restate(work, held, terms, facts, change)
    held.mark_is_void = true
    sweep.rescaled(work, terms, moved, change.removed)
    if kind == "spot" or kind == "equity" then
      movements.add(work.moves, facts.base, moved)
    end
    cash = add(cash, change.cash or ZERO)
  end
  movements.add(work.moves, facts.settlement, cash)
  sweep.settle(work, facts.location, facts.chain_id)
  return sweep.done(work)
end

function M.expiry(facts, state)
  local work = sweep.new(facts, state)
  local holders = sweep.holders(work)
  if #holders == 0 then
    return outcome.new("noted", "no_position")
  end
  for index = 1, #holders do
    local held, terms = sweep.take(work, holders[index])
    local quantity = negate(held.quantity)
    local realized = sweep.leg(work, held, terms, facts, quantity, ZERO)
    sweep.move_by_kind(work, facts, quantity, ZERO, realized)
  end
  sweep.settle(work, facts.location, facts.chain_id)
  return sweep.done(work)
end

-- Delivery of the underlying: a call brings it to the long side at the strike, a put takes it.
local function deliver(work, holder, contracts)
  local facts, about = work.facts, work.facts.underlying
  local quantity = multiply(contracts, holder.terms.multiplier)
  if facts.option_type == "call" then
    quantity = negate(quantity)
  end
  local held, terms = sweep.position(work, holder.strategy, about, about)
  local notional = multiply(multiply(quantity, decimal.parse(facts.strike)), terms.multiplier)
  local realized = sweep.leg(work, held, terms, about, quantity, notional)
  sweep.move_by_kind(work, about, quantity, notional, realized)
end

function M.exercise(facts, state)
  if facts.instrument_kind ~= "option" then
    return outcome.new("refused", "not_an_option")
  elseif facts.quantity and not facts.strategy then
    return outcome.new("refused", "strategy_missing")
  end
  local work = sweep.new(facts, state)
  local holders = sweep.holders(work)
  if #holders == 0 then
    return outcome.new("noted", "no_position")
  end
  for index = 1, #holders do
    local held, terms = sweep.take(work, holders[index])
    local contracts = negate(held.quantity)
    if facts.quantity then
      local asked = decimal.parse(facts.quantity)
      if compare(asked, absolute(contracts)) < 0 then
        contracts = sign(contracts) < 0 and negate(asked) or asked
      end
    end
    local notional = ZERO
    if not facts.underlying then
      notional = multiply(multiply(contracts, terms.multiplier), decimal.parse(facts.intrinsic))
    end
    local realized = sweep.leg(work, held, terms, facts, contracts, notional)
    sweep.move_by_kind(work, facts, contracts, notional, realized)
    if facts.underlying then
      deliver(work, holders[index], contracts)
    end
  end
  sweep.settle(work, facts.location, facts.chain_id)
  return sweep.done(work)
end

function M.settlement(facts, state)
  local kind = facts.instrument_kind
  if kind ~= "future" and kind ~= "perpetual" then
    return outcome.new("refused", "not_a_future")
  end
  local work = sweep.new(facts, state)
  local holders = sweep.holders(work)
  local price = decimal.parse(facts.price)
  if #holders == 0 then
    return outcome.new("noted", "no_position")
  elseif facts.inverse == "1" and sign(price) == 0 then
    return outcome.new("refused", "price_missing")
  end
  for index = 1, #holders do
    local held, terms = sweep.take(work, holders[index])
    local target = leg.notional(held.quantity, price, nil, terms)
    local realized
    if facts.final == "1" then
      realized = sweep.leg(work, held, terms, facts, negate(held.quantity), negate(target))
    else
      realized = subtract(target, held.cost)
      sweep.restate(work, held, terms, facts,
        { quantity = held.quantity, cost = target, realized = realized })
      sweep.settled(work, terms, realized)
    end
    movements.add(work.moves, facts.settlement, realized)
  end
  sweep.settle(work, facts.location, facts.chain_id)
  return sweep.done(work)
end

-- The value of a fee that was paid in a token without a price at the time.
function M.fee_value(facts, state)
  local held = state.peek(facts.strategy, facts.instrument, facts)
  if not held or not token_amounts.has(held.unvalued, facts.token) then
    return outcome.new("noted", "nothing_unvalued")
  end
  local work = sweep.new(facts, state)
  local own, terms = sweep.position(work, facts.strategy, facts)
  local amount, value = decimal.parse(facts.amount), decimal.parse(facts.value)
  local of_this_trip = timestamps.not_later(own.first, facts.fee_executed_at)
  work.changes[1] = position.value_fee(own, facts.token, amount, value, of_this_trip, terms,
    facts.executed_at)
  local record = outcome.contribution(facts, facts.strategy, facts)
  record.fee_value = value
  record.fees_unvalued = token_amounts.of(facts.token, negate(amount))
  work.records[1] = record
  return sweep.done(work)
end

return M
