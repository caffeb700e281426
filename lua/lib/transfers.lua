-- Moving a token between two places, at once or in two steps with the amount in flight between them;
-- with a strategy and an instrument its cost basis goes along. Also withdrawals, which are a transfer
-- to nowhere.

local decimal = require("decimal")
local leg = require("leg")
local outcome = require("outcome")
local pending_state = require("pending")
local sweep = require("sweep")
local trace = require("trace")

local M = {}

local sign, negate, text = decimal.sign, decimal.negate, decimal.text
local subtract, multiply, compare = decimal.subtract, decimal.multiply, decimal.compare
local ZERO, ONE = decimal.zero, decimal.parse("1")

-- Takes up to `amount` out of a long position at its average cost, realizing nothing; what it does
-- not hold has no basis. Returns the quantity and the cost taken.
local function take_basis(work, facts, amount)
  local held = work.state.peek(facts.strategy, facts.instrument, facts)
  if not held or sign(held.quantity) <= 0 then
    return ZERO, ZERO
  end
  local quantity = compare(amount, held.quantity) < 0 and amount or held.quantity
  local removed = leg.share(held.cost, quantity, held.quantity)
  local position, terms = sweep.position(work, facts.strategy, facts)
  sweep.leg(work, position, terms, facts, negate(quantity), negate(removed))
  return quantity, removed
end

local function has_position(facts)
  return facts.strategy and facts.instrument
end

function M.withdrawal(facts, state)
  local work = sweep.new(facts, state)
  local amount = decimal.parse(facts.amount)
  if has_position(facts) then
    take_basis(work, facts, amount)
  end
  sweep.settle(work, facts.location, facts.chain_id, { facts.token, negate(amount) })
  return sweep.done(work)
end

-- What the arrival of a basis does: the cost of the transfer stays with where it came from, the rest
-- is carried into `to`.
local function put_basis(work, facts, basis, sent, arrived, to_book)
  local fee = subtract(sent, arrived)
  local cost = sign(fee) == 0 and ZERO or leg.share(basis.cost, fee, sent)
  if sign(cost) ~= 0 then
    local source, terms = sweep.position(work, facts.strategy, facts)
    sweep.earn(work, source, terms, facts, nil, cost)
  end
  if to_book then
    return cost
  end
  local quantity = arrived
  if compare(basis.quantity, sent) ~= 0 then
    quantity = leg.share(arrived, basis.quantity, sent)
  end
  local carried = subtract(basis.cost, cost)
  if facts.rate then
    carried = multiply(carried, decimal.parse(facts.rate))
  end
  if sign(quantity) ~= 0 then
    local target, terms = sweep.position(work, facts.strategy, facts.to, facts.to)
    sweep.leg(work, target, terms, facts.to, quantity, carried)
  end
  return cost
end

-- Why a basis cannot arrive, or nil. to_book: the book it arrives in, nil for this one.
local function basis_fault(facts, settlement, to_book)
  if to_book then
    return nil
  elseif not facts.to then
    return "to_instrument_missing"
  elseif facts.to.settlement ~= settlement and not facts.rate then
    return "rate_missing"
  end
  return nil
end

local function bridge(work, moves, instrument, chain_id)
  local facts = work.facts
  if not facts.trace then
    return ""
  end
  return trace.bridge(work.state.trace(facts.trace.id), facts, moves, instrument, chain_id or "0")
end

local function finish(work, trace_json)
  local done = sweep.done(work)
  done.trace = trace_json
  return done
end

local function from_token(facts)
  return facts.instrument or facts.token
end

local function to_token(facts)
  return facts.to_token or facts.token
end

local function arrived_at(facts)
  return facts.to and facts.to.instrument or to_token(facts)
end

local function new_pending(held, facts, status, quantity, cost)
  held.values = {
    kind = "transfer", status = status, strategy = facts.strategy or "",
    instrument = facts.instrument or "", token = facts.token, amount = facts.amount,
    quantity = text(quantity), cost = text(cost), from_location = facts.from_location,
    from_chain_id = facts.from_chain_id or "0", to_location = facts.to_location or "",
    arrived = "", fee = "", transfer_cost = "", to_book = facts.to_book or "",
    sent_at = facts.executed_at, ended_at = "",
  }
end

local function end_pending(held, facts, status, arrived, fee, cost)
  local values = held.values
  values.status, values.ended_at = status, facts.executed_at
  values.arrived, values.fee, values.transfer_cost = arrived, fee, cost
  values.to_location = facts.to_location or values.to_location
  values.to_book = facts.to_book or values.to_book
end

local function sent(facts, state, held)
  if held.exists then
    return outcome.new("refused", "transfer_exists")
  end
  local work = sweep.new(facts, state)
  local amount = decimal.parse(facts.amount)
  local quantity, cost = ZERO, ZERO
  if has_position(facts) then
    quantity, cost = take_basis(work, facts, amount)
  end
  sweep.settle(work, facts.from_location, facts.from_chain_id, { facts.token, negate(amount) })
  state.keep_pending(held)
  new_pending(held, facts, "in_flight", quantity, cost)
  sweep.effect(work, pending_state.json(held))
  sweep.sum(work, "in_flight", facts.token, amount)
  return finish(work, bridge(work, { { facts.from_location, facts.token, negate(amount) } },
    from_token(facts), facts.from_chain_id))
end

-- Why the second step cannot follow the first, or nil.
local function follow_fault(facts, held)
  local values = held.values
  if not held.exists then
    return "unknown_transfer"
  elseif values.status ~= "in_flight" then
    return "transfer_ended"
  elseif (facts.strategy or "") ~= values.strategy or (facts.instrument or "") ~= values.instrument then
    return "transfer_mismatch"
  end
  return nil
end

local function arrived(facts, state, held)
  local amount = decimal.parse(facts.arrived)
  local fault = follow_fault(facts, held)
  local whole = not fault and decimal.parse(held.values.amount)
  if not fault and compare(amount, whole) > 0 then
    fault = "arrived_more"
  end
  local basis = not fault and { quantity = decimal.parse(held.values.quantity),
    cost = decimal.parse(held.values.cost) }
  local has_basis = basis and sign(basis.quantity) > 0
  local to_book = facts.to_book or (held.values.to_book ~= "" and held.values.to_book) or nil
  if has_basis then
    fault = basis_fault(facts, facts.settlement, to_book)
  end
  if fault then
    return outcome.new("refused", fault)
  end
  local work = sweep.new(facts, state)
  local cost = ZERO
  if has_basis then
    cost = put_basis(work, facts, basis, whole, amount, to_book)
  end
  local trace_json = ""
  if not to_book then
    sweep.settle(work, facts.to_location, facts.to_chain_id, { to_token(facts), amount })
    trace_json = bridge(work, { { facts.to_location, to_token(facts), amount } },
      arrived_at(facts), facts.to_chain_id)
  end
  local token = held.values.token
  state.keep_pending(held)
  end_pending(held, facts, "arrived", facts.arrived, text(subtract(whole, amount)), text(cost))
  sweep.effect(work, pending_state.json(held))
  sweep.sum(work, "in_flight", token, negate(whole))
  return finish(work, trace_json)
end

-- From another book, which keeps the amount in flight until it is told of this.
local function arrived_from_book(facts, state)
  local amount = decimal.parse(facts.arrived)
  local work = sweep.new(facts, state)
  if facts.strategy and facts.to and facts.cost then
    local carried = multiply(decimal.parse(facts.cost), facts.rate and decimal.parse(facts.rate) or ONE)
    local target, terms = sweep.position(work, facts.strategy, facts.to, facts.to)
    sweep.leg(work, target, terms, facts.to, amount, carried)
  end
  sweep.settle(work, facts.to_location, facts.to_chain_id, { to_token(facts), amount })
  return finish(work, bridge(work, { { facts.to_location, to_token(facts), amount } },
    arrived_at(facts), facts.to_chain_id))
end

local function failed(facts, state, held)
  local fault = follow_fault(facts, held)
  if fault then
    return outcome.new("refused", fault)
  end
  local work, values = sweep.new(facts, state), held.values
  local whole, quantity = decimal.parse(values.amount), decimal.parse(values.quantity)
  if sign(quantity) > 0 then
    local source, terms = sweep.position(work, facts.strategy, facts)
    sweep.leg(work, source, terms, facts, quantity, decimal.parse(values.cost))
  end
  sweep.settle(work, values.from_location, values.from_chain_id, { values.token, whole })
  local trace_json = bridge(work, { { values.from_location, values.token, whole } },
    facts.instrument or values.token, values.from_chain_id)
  state.keep_pending(held)
  end_pending(held, facts, "failed", "", "", "")
  sweep.effect(work, pending_state.json(held))
  sweep.sum(work, "in_flight", values.token, negate(whole))
  return finish(work, trace_json)
end

local function whole(facts, state, held)
  local amount, received = decimal.parse(facts.amount), decimal.parse(facts.arrived)
  if held.exists then
    return outcome.new("refused", "transfer_exists")
  elseif facts.to_book then
    return outcome.new("refused", "transfer_mismatch")
  elseif compare(received, amount) > 0 then
    return outcome.new("refused", "arrived_more")
  end
  if has_position(facts) then
    local source = state.peek(facts.strategy, facts.instrument, facts)
    local fault = source and sign(source.quantity) > 0 and basis_fault(facts, facts.settlement)
    if fault then
      return outcome.new("refused", fault)
    end
  end
  local work = sweep.new(facts, state)
  local quantity, cost, kept = ZERO, ZERO, ZERO
  if has_position(facts) then
    quantity, cost = take_basis(work, facts, amount)
    if sign(quantity) > 0 then
      kept = put_basis(work, facts, { quantity = quantity, cost = cost }, amount, received)
    end
  end
  local target = to_token(facts)
  if facts.from_location == facts.to_location and facts.token == target then
    sweep.settle(work, facts.from_location, facts.from_chain_id,
      { target, subtract(received, amount) })
  else
    sweep.settle(work, facts.from_location, facts.from_chain_id, { facts.token, negate(amount) })
    sweep.settle(work, facts.to_location, facts.to_chain_id, { target, received })
  end
  local trace_json = bridge(work, { { facts.from_location, facts.token, negate(amount) },
    { facts.to_location, target, received } }, arrived_at(facts), facts.to_chain_id)
  state.keep_pending(held)
  new_pending(held, facts, "in_flight", quantity, cost)
  end_pending(held, facts, "arrived", facts.arrived, text(subtract(amount, received)), text(kept))
  sweep.effect(work, pending_state.json(held))
  return finish(work, trace_json)
end

local BY_STEP = { sent = sent, arrived = arrived, failed = failed, whole = whole }

function M.transfer(facts, state)
  if facts.from_book and facts.step == "arrived" then
    return arrived_from_book(facts, state)
  end
  return BY_STEP[facts.step](facts, state, state.pending("transfer." .. facts.transfer))
end

return M
