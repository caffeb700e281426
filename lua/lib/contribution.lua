-- What one journal entry adds to the totals of its strategy and book and to the attribution row of
-- its day, venue and instrument. The journal keeps it, so totals are a fold over it and can be
-- redone from it.

local decimal = require("decimal")
local token_amounts = require("token_amounts")

local M = {}

local sign, text = decimal.sign, decimal.text

M.total_fields = {
  "trade_count", "realized_pnl", "carry", "transfer_cost", "fees_paid", "fee_value",
  "fees_unvalued", "failed_fees", "allocated", "volume", "orders_filled", "orders_rejected",
  "orders_cancelled", "trips_won", "trips_lost", "trips_unknown",
}

local COUNTS = {
  "trade_count", "orders_filled", "orders_rejected", "orders_cancelled", "trips_won",
  "trips_lost", "trips_unknown",
}
local IS_COUNT = {}
for index = 1, #COUNTS do IS_COUNT[COUNTS[index]] = true end

local ENDS = { "filled", "rejected", "cancelled" }
local OUTCOMES = { "won", "lost", "unknown" }

-- Counts by name as texts, in a fixed order: what a restatement moves several counts by.
local function counts_json(counts, names)
  local parts = {}
  for index = 1, #names do
    local number = counts[names[index]]
    if number then
      parts[#parts + 1] = '"' .. names[index] .. '":"' .. number .. '"'
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- self: strategy, day, venue, instrument, base, quote, settlement, trade (a number), volume,
-- quantity and notional (summed over the legs), realized_pnl, carry, transfer_cost, fees, fee_value,
-- fees_unvalued, failed_fees, allocated, trip, order, latency_ns, and of a restatement trips and
-- orders, tables of signed texts by name; nil: nothing, which is also what a map of no tokens must be.
-- Returns "" when there is nothing to add.
function M.json(self)
  local body = ""
  if self.trade == 1 then
    body = body .. ',"trade_count":"1"'
  elseif self.trade then
    body = body .. ',"trade_count":"' .. string.format("%d", self.trade) .. '"'
  end
  if self.volume then body = body .. ',"volume":"' .. text(self.volume) .. '"' end
  if self.quantity then
    body = body .. ',"quantity":"' .. text(self.quantity)
      .. '","notional":"' .. text(self.notional) .. '"'
  end
  if self.realized_pnl and sign(self.realized_pnl) ~= 0 then
    body = body .. ',"realized_pnl":"' .. text(self.realized_pnl) .. '"'
  end
  if self.carry and sign(self.carry) ~= 0 then
    body = body .. ',"carry":"' .. text(self.carry) .. '"'
  end
  if self.transfer_cost and sign(self.transfer_cost) ~= 0 then
    body = body .. ',"transfer_cost":"' .. text(self.transfer_cost) .. '"'
  end
  if self.fees then
    body = body .. ',"fees":' .. token_amounts.text(self.fees)
  end
  if self.fee_value and sign(self.fee_value) ~= 0 then
    body = body .. ',"fee_value":"' .. text(self.fee_value) .. '"'
  end
  if self.fees_unvalued then
    body = body .. ',"fees_unvalued":' .. token_amounts.text(self.fees_unvalued)
  end
  if self.failed_fees then
    body = body .. ',"failed_fees":' .. token_amounts.text(self.failed_fees)
  end
  if self.allocated then
    body = body .. ',"allocated":' .. token_amounts.text(self.allocated)
  end
  if self.trip then body = body .. ',"trip":"' .. self.trip .. '"' end
  if self.order then body = body .. ',"order":"' .. self.order .. '"' end
  if self.trips then body = body .. ',"trips":' .. counts_json(self.trips, OUTCOMES) end
  if self.orders then body = body .. ',"orders":' .. counts_json(self.orders, ENDS) end
  if self.latency_ns then body = body .. ',"latency_ns":"' .. self.latency_ns .. '"' end
  if body == "" then
    return ""
  end
  local head = '{"strategy":"' .. self.strategy .. '","day":"' .. self.day
    .. '","venue":"' .. self.venue .. '","instrument":"' .. self.instrument .. '"'
  if self.base then
    head = head .. ',"base":"' .. self.base .. '","quote":"' .. self.quote
      .. '","settlement":"' .. self.settlement .. '"'
  end
  return head .. body .. "}"
end

-- The same record from its decoded JSON, for redoing an entry.
function M.from_journal(decoded)
  local function amount(name)
    return decoded[name] and decimal.parse(decoded[name])
  end
  local function amounts(map)
    return map and token_amounts.from_table(map)
  end
  return {
    strategy = decoded.strategy, day = decoded.day, venue = decoded.venue,
    instrument = decoded.instrument, base = decoded.base, quote = decoded.quote,
    settlement = decoded.settlement, trade = decoded.trade_count and tonumber(decoded.trade_count),
    volume = amount("volume"), quantity = amount("quantity"), notional = amount("notional"),
    realized_pnl = amount("realized_pnl"), carry = amount("carry"),
    transfer_cost = amount("transfer_cost"), fees = amounts(decoded.fees),
    fee_value = amount("fee_value"), fees_unvalued = amounts(decoded.fees_unvalued),
    failed_fees = amounts(decoded.failed_fees), allocated = amounts(decoded.allocated),
    trip = decoded.trip, order = decoded.order, latency_ns = decoded.latency_ns,
    trips = decoded.trips, orders = decoded.orders,
  }
end

-- Totals of a strategy or a book: amounts per settlement token, fees and capital per token. A figure
-- stays text until something is added to it, and only those that were are written again.
-- values: the texts of M.total_fields, or an empty list for totals that are new.
function M.parse_totals(values)
  return { texts = values, is_new = not values[1] }
end

local PLACE = {}
for index = 1, #M.total_fields do PLACE[M.total_fields[index]] = index end

local function amounts_of(totals, field)
  local amounts = totals[field]
  if not amounts then
    amounts = token_amounts.parse(totals.texts[PLACE[field]])
    totals[field] = amounts
  end
  return amounts
end

local function add_count(totals, field, number)
  totals[field] = (totals[field] or tonumber(totals.texts[PLACE[field]] or "0")) + number
end

local function add_amount(totals, field, token, amount)
  if amount and sign(amount) ~= 0 then
    token_amounts.add(amounts_of(totals, field), token, amount)
  end
end

local function add_amounts(totals, field, amounts)
  if amounts then
    token_amounts.add_all(amounts_of(totals, field), amounts)
  end
end

local NOTHING = {}

function M.add_to_totals(totals, self)
  local settlement = self.settlement
  if self.trade then add_count(totals, "trade_count", self.trade) end
  if self.volume then token_amounts.add(amounts_of(totals, "volume"), settlement, self.volume) end
  add_amount(totals, "realized_pnl", settlement, self.realized_pnl)
  add_amount(totals, "carry", settlement, self.carry)
  add_amount(totals, "transfer_cost", settlement, self.transfer_cost)
  add_amount(totals, "fee_value", settlement, self.fee_value)
  add_amounts(totals, "fees_paid", self.fees)
  add_amounts(totals, "fees_unvalued", self.fees_unvalued)
  add_amounts(totals, "failed_fees", self.failed_fees)
  add_amounts(totals, "allocated", self.allocated)
  if self.trip then add_count(totals, "trips_" .. self.trip, 1) end
  if self.order then add_count(totals, "orders_" .. self.order, 1) end
  for name, number in pairs(self.trips or NOTHING) do
    add_count(totals, "trips_" .. name, tonumber(number))
  end
  for name, number in pairs(self.orders or NOTHING) do
    add_count(totals, "orders_" .. name, tonumber(number))
  end
end

function M.merge_totals(totals, added)
  for index = 1, #M.total_fields do
    local field = M.total_fields[index]
    local more = added[field]
    if more and IS_COUNT[field] then
      add_count(totals, field, more)
    elseif more then
      token_amounts.add_all(amounts_of(totals, field), more)
    end
  end
end

local function count(number)
  return string.format("%d", number)
end

-- Fields and values of the figures that changed; of new totals, all.
function M.changed_totals(totals)
  local changed = {}
  for index = 1, #M.total_fields do
    local field = M.total_fields[index]
    local figure, told = totals[field], nil
    if figure then
      told = IS_COUNT[field] and count(figure) or token_amounts.text(figure)
    elseif totals.is_new then
      told = IS_COUNT[field] and "0" or "{}"
    end
    if told then
      changed[#changed + 1], changed[#changed + 2] = field, told
    end
  end
  return changed
end

-- Attribution rows: one JSON text per venue and instrument within a strategy's day.
function M.row_field(self)
  return self.venue .. ":" .. self.instrument
end

-- A restatement's row may count below zero: it takes back what an earlier day has counted.
local ROW = '^{"base":"([^"]*)","quote":"([^"]*)","settlement":"([^"]*)","trade_count":"(-?%d+)",'
  .. '"volume":"([^"]*)","quantity":"([^"]*)","notional":"([^"]*)","realized_pnl":"([^"]*)",'
  .. '"carry":"([^"]*)","transfer_cost":"([^"]*)","fees":({[^}]*}),"fee_value":"([^"]*)",'
  .. '"fees_unvalued":({[^}]*}),"failed_fees":({[^}]*}),"allocated":({[^}]*}),'
  .. '"trips_won":"(-?%d+)","trips_lost":"(-?%d+)",'
  .. '"trips_unknown":"(-?%d+)","orders_filled":"(-?%d+)","orders_rejected":"(-?%d+)",'
  .. '"orders_cancelled":"(-?%d+)","latency_ns":"(%d+)","latency_orders":"(%d+)"}$'

function M.parse_row(json, self)
  if not json then
    return {
      base = self.base or "", quote = self.quote or "", settlement = self.settlement or "",
      trade_count = 0, volume = decimal.zero, quantity = decimal.zero, notional = decimal.zero,
      realized_pnl = decimal.zero, carry = decimal.zero, transfer_cost = decimal.zero,
      allocated = token_amounts.new(),
      fees = token_amounts.new(), fee_value = decimal.zero, fees_unvalued = token_amounts.new(),
      failed_fees = token_amounts.new(), trips_won = 0, trips_lost = 0, trips_unknown = 0,
      orders_filled = 0, orders_rejected = 0, orders_cancelled = 0,
      latency_ns = decimal.zero, latency_orders = 0,
    }
  end
  local base, quote, settlement, trades, volume, quantity, notional, realized, carry,
    transfer_cost, fees, value, unvalued, failed, allocated, won, lost, unknown, filled, rejected, cancelled, latency, timed = string.match(json, ROW)
  return {
    base = base, quote = quote, settlement = settlement, trade_count = tonumber(trades),
    volume = decimal.parse(volume), quantity = decimal.parse(quantity),
    notional = decimal.parse(notional), realized_pnl = decimal.parse(realized),
    carry = decimal.parse(carry), transfer_cost = decimal.parse(transfer_cost),
    allocated = token_amounts.parse(allocated),
    fees = token_amounts.parse(fees), fee_value = decimal.parse(value),
    fees_unvalued = token_amounts.parse(unvalued), failed_fees = token_amounts.parse(failed),
    trips_won = tonumber(won), trips_lost = tonumber(lost), trips_unknown = tonumber(unknown),
    orders_filled = tonumber(filled), orders_rejected = tonumber(rejected),
    orders_cancelled = tonumber(cancelled), latency_ns = decimal.parse(latency),
    latency_orders = tonumber(timed),
  }
end

function M.add_to_row(row, self)
  if row.base == "" and self.base then
    row.base, row.quote, row.settlement = self.base, self.quote, self.settlement
  end
  if self.trade then row.trade_count = row.trade_count + self.trade end
  if self.volume then row.volume = decimal.add(row.volume, self.volume) end
  if self.quantity then
    row.quantity = decimal.add(row.quantity, self.quantity)
    row.notional = decimal.add(row.notional, self.notional)
  end
  if self.realized_pnl then row.realized_pnl = decimal.add(row.realized_pnl, self.realized_pnl) end
  if self.carry then row.carry = decimal.add(row.carry, self.carry) end
  if self.transfer_cost then
    row.transfer_cost = decimal.add(row.transfer_cost, self.transfer_cost)
  end
  if self.allocated then token_amounts.add_all(row.allocated, self.allocated) end
  if self.fees then token_amounts.add_all(row.fees, self.fees) end
  if self.fee_value then row.fee_value = decimal.add(row.fee_value, self.fee_value) end
  if self.fees_unvalued then token_amounts.add_all(row.fees_unvalued, self.fees_unvalued) end
  if self.failed_fees then token_amounts.add_all(row.failed_fees, self.failed_fees) end
  if self.trip then
    local field = "trips_" .. self.trip
    row[field] = row[field] + 1
  end
  if self.order then
    local field = "orders_" .. self.order
    row[field] = row[field] + 1
  end
  for name, number in pairs(self.trips or NOTHING) do
    row["trips_" .. name] = row["trips_" .. name] + tonumber(number)
  end
  for name, number in pairs(self.orders or NOTHING) do
    row["orders_" .. name] = row["orders_" .. name] + tonumber(number)
  end
  if self.latency_ns then
    row.latency_ns = decimal.add(row.latency_ns, decimal.parse(self.latency_ns))
    row.latency_orders = row.latency_orders + 1
  end
end

function M.row_json(row)
  return '{"base":"' .. row.base .. '","quote":"' .. row.quote
    .. '","settlement":"' .. row.settlement .. '","trade_count":"' .. count(row.trade_count)
    .. '","volume":"' .. text(row.volume) .. '","quantity":"' .. text(row.quantity)
    .. '","notional":"' .. text(row.notional) .. '","realized_pnl":"' .. text(row.realized_pnl)
    .. '","carry":"' .. text(row.carry) .. '","transfer_cost":"' .. text(row.transfer_cost)
    .. '","fees":' .. token_amounts.text(row.fees) .. ',"fee_value":"' .. text(row.fee_value)
    .. '","fees_unvalued":' .. token_amounts.text(row.fees_unvalued)
    .. ',"failed_fees":' .. token_amounts.text(row.failed_fees)
    .. ',"allocated":' .. token_amounts.text(row.allocated)
    .. ',"trips_won":"' .. count(row.trips_won) .. '","trips_lost":"' .. count(row.trips_lost)
    .. '","trips_unknown":"' .. count(row.trips_unknown)
    .. '","orders_filled":"' .. count(row.orders_filled)
    .. '","orders_rejected":"' .. count(row.orders_rejected)
    .. '","orders_cancelled":"' .. count(row.orders_cancelled)
    .. '","latency_ns":"' .. text(row.latency_ns)
    .. '","latency_orders":"' .. count(row.latency_orders) .. '"}'
end

return M
