-- What one journal entry adds to the totals of its strategy and book and to the attribution row of
-- its day, venue and instrument. The journal keeps it, so totals are a fold over it and can be
-- redone from it.

local decimal = require("decimal")
local token_amounts = require("token_amounts")

local M = {}

local sign, text = decimal.sign, decimal.text

M.total_fields = {
  "trade_count", "realized_pnl", "fees_paid", "fee_value", "fees_unvalued", "failed_fees", "volume",
  "orders_filled", "orders_rejected", "orders_cancelled", "trips_won", "trips_lost",
  "trips_unknown",
}

local COUNTS = {
  "trade_count", "orders_filled", "orders_rejected", "orders_cancelled", "trips_won",
  "trips_lost", "trips_unknown",
}
local SUMS = {
  "realized_pnl", "fees_paid", "fee_value", "fees_unvalued", "failed_fees", "volume",
}

-- self: strategy, day, venue, instrument, base, quote, settlement, trade (boolean), volume,
-- realized_pnl, fees, fee_value, fees_unvalued, failed_fees, trip, order, latency_ns; nil: nothing,
-- which is also what a map of no tokens must be.
-- Returns "" when there is nothing to add.
function M.json(self)
  local body = ""
  if self.trade then body = body .. ',"trade_count":"1"' end
  if self.volume then body = body .. ',"volume":"' .. text(self.volume) .. '"' end
  if self.realized_pnl and sign(self.realized_pnl) ~= 0 then
    body = body .. ',"realized_pnl":"' .. text(self.realized_pnl) .. '"'
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
  if self.trip then body = body .. ',"trip":"' .. self.trip .. '"' end
  if self.order then body = body .. ',"order":"' .. self.order .. '"' end
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
  local function amounts(map)
    if not map then return nil end
    local parsed = token_amounts.new()
    for token, amount in pairs(map) do
      token_amounts.set_text(parsed, token, amount)
    end
    return parsed
  end
  return {
    strategy = decoded.strategy, day = decoded.day, venue = decoded.venue,
    instrument = decoded.instrument, base = decoded.base, quote = decoded.quote,
    settlement = decoded.settlement, trade = decoded.trade_count and true or false,
    volume = decoded.volume and decimal.parse(decoded.volume),
    realized_pnl = decoded.realized_pnl and decimal.parse(decoded.realized_pnl),
    fees = amounts(decoded.fees), fee_value = decoded.fee_value and decimal.parse(decoded.fee_value),
    fees_unvalued = amounts(decoded.fees_unvalued), failed_fees = amounts(decoded.failed_fees),
    trip = decoded.trip, order = decoded.order, latency_ns = decoded.latency_ns,
  }
end

-- Totals of a strategy or a book: amounts per settlement token, fees per token.
function M.parse_totals(values)
  return {
    trade_count = tonumber(values[1] or "0"), realized_pnl = token_amounts.parse(values[2]),
    fees_paid = token_amounts.parse(values[3]), fee_value = token_amounts.parse(values[4]),
    fees_unvalued = token_amounts.parse(values[5]), failed_fees = token_amounts.parse(values[6]),
    volume = token_amounts.parse(values[7]),
    orders_filled = tonumber(values[8] or "0"), orders_rejected = tonumber(values[9] or "0"),
    orders_cancelled = tonumber(values[10] or "0"), trips_won = tonumber(values[11] or "0"),
    trips_lost = tonumber(values[12] or "0"), trips_unknown = tonumber(values[13] or "0"),
  }
end

function M.add_to_totals(totals, self)
  if self.trade then totals.trade_count = totals.trade_count + 1 end
  if self.volume then token_amounts.add(totals.volume, self.settlement, self.volume) end
  if self.realized_pnl and sign(self.realized_pnl) ~= 0 then
    token_amounts.add(totals.realized_pnl, self.settlement, self.realized_pnl)
  end
  if self.fees then token_amounts.add_all(totals.fees_paid, self.fees) end
  if self.fee_value and sign(self.fee_value) ~= 0 then
    token_amounts.add(totals.fee_value, self.settlement, self.fee_value)
  end
  if self.fees_unvalued then token_amounts.add_all(totals.fees_unvalued, self.fees_unvalued) end
  if self.failed_fees then token_amounts.add_all(totals.failed_fees, self.failed_fees) end
  if self.trip then
    local field = "trips_" .. self.trip
    totals[field] = totals[field] + 1
  end
  if self.order then
    local field = "orders_" .. self.order
    totals[field] = totals[field] + 1
  end
end

function M.merge_totals(totals, added)
  for index = 1, #COUNTS do
    local field = COUNTS[index]
    totals[field] = totals[field] + added[field]
  end
  for index = 1, #SUMS do
    token_amounts.add_all(totals[SUMS[index]], added[SUMS[index]])
  end
end

local function count(number)
  return string.format("%d", number)
end

function M.totals_texts(totals)
  return {
    count(totals.trade_count), token_amounts.text(totals.realized_pnl),
    token_amounts.text(totals.fees_paid), token_amounts.text(totals.fee_value),
    token_amounts.text(totals.fees_unvalued), token_amounts.text(totals.failed_fees),
    token_amounts.text(totals.volume), count(totals.orders_filled),
    count(totals.orders_rejected), count(totals.orders_cancelled), count(totals.trips_won),
    count(totals.trips_lost), count(totals.trips_unknown),
  }
end

-- Attribution rows: one JSON text per venue and instrument within a strategy's day.
function M.row_field(self)
  return self.venue .. ":" .. self.instrument
end

local ROW = '^{"base":"([^"]*)","quote":"([^"]*)","settlement":"([^"]*)","trade_count":"(%d+)",'
  .. '"volume":"([^"]*)","realized_pnl":"([^"]*)","fees":({[^}]*}),"fee_value":"([^"]*)",'
  .. '"fees_unvalued":({[^}]*}),"failed_fees":({[^}]*}),"trips_won":"(%d+)","trips_lost":"(%d+)",'
  .. '"trips_unknown":"(%d+)","orders_filled":"(%d+)","orders_rejected":"(%d+)",'
  .. '"orders_cancelled":"(%d+)","latency_ns":"(%d+)","latency_orders":"(%d+)"}$'

function M.parse_row(json, self)
  if not json then
    return {
      base = self.base or "", quote = self.quote or "", settlement = self.settlement or "",
      trade_count = 0, volume = decimal.zero, realized_pnl = decimal.zero,
      fees = token_amounts.new(), fee_value = decimal.zero, fees_unvalued = token_amounts.new(),
      failed_fees = token_amounts.new(), trips_won = 0, trips_lost = 0, trips_unknown = 0,
      orders_filled = 0, orders_rejected = 0, orders_cancelled = 0,
      latency_ns = decimal.zero, latency_orders = 0,
    }
  end
  local base, quote, settlement, trades, volume, realized, fees, value, unvalued, failed,
    won, lost, unknown, filled, rejected, cancelled, latency, timed = string.match(json, ROW)
  return {
    base = base, quote = quote, settlement = settlement, trade_count = tonumber(trades),
    volume = decimal.parse(volume), realized_pnl = decimal.parse(realized),
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
  if self.trade then row.trade_count = row.trade_count + 1 end
  if self.volume then row.volume = decimal.add(row.volume, self.volume) end
  if self.realized_pnl then row.realized_pnl = decimal.add(row.realized_pnl, self.realized_pnl) end
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
  if self.latency_ns then
    row.latency_ns = decimal.add(row.latency_ns, decimal.parse(self.latency_ns))
    row.latency_orders = row.latency_orders + 1
  end
end

function M.row_json(row)
  return '{"base":"' .. row.base .. '","quote":"' .. row.quote
    .. '","settlement":"' .. row.settlement .. '","trade_count":"' .. count(row.trade_count)
    .. '","volume":"' .. text(row.volume) .. '","realized_pnl":"' .. text(row.realized_pnl)
    .. '","fees":' .. token_amounts.text(row.fees) .. ',"fee_value":"' .. text(row.fee_value)
    .. '","fees_unvalued":' .. token_amounts.text(row.fees_unvalued)
    .. ',"failed_fees":' .. token_amounts.text(row.failed_fees)
    .. ',"trips_won":"' .. count(row.trips_won) .. '","trips_lost":"' .. count(row.trips_lost)
    .. '","trips_unknown":"' .. count(row.trips_unknown)
    .. '","orders_filled":"' .. count(row.orders_filled)
    .. '","orders_rejected":"' .. count(row.orders_rejected)
    .. '","orders_cancelled":"' .. count(row.orders_cancelled)
    .. '","latency_ns":"' .. text(row.latency_ns)
    .. '","latency_orders":"' .. count(row.latency_orders) .. '"}'
end

return M
