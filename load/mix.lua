-- wrk -t2 -c100 -d30s -s load/mix.lua http://127.0.0.1:8080
-- A day of the smallest app (erlmcp.apps.hello) in proportion: mostly calls, some lists, both eras, probes in between.
-- Every answer must be 200; others are counted by wrk as "Non-2xx or 3xx responses".
local meta = [["_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",]]
  .. [["io.modelcontextprotocol/clientInfo":{"name":"wrk","version":"4"},]]
  .. [["io.modelcontextprotocol/clientCapabilities":{}}]]

local function post(headers, method, params)
  headers["Content-Type"] = "application/json"
  headers["Accept"] = "application/json, text/event-stream"
  local body = string.format([[{"jsonrpc":"2.0","id":1,"method":"%s","params":{%s}}]], method, params)
  return wrk.format("POST", "/mcp", headers, body)
end

local function modern(method, params, name)
  local headers = { ["MCP-Protocol-Version"] = "2026-07-28", ["Mcp-Method"] = method, ["Mcp-Name"] = name }
  return post(headers, method, params == "" and meta or params .. "," .. meta)
end

local function legacy(method, params)
  return post({}, method, params)
end

local call = [["name":"add","arguments":{"a":2,"b":3}]]

function init(args)
  local weighted = {
    { 50, modern("tools/call", call, "add") },
    { 20, legacy("tools/call", call) },
    { 8, modern("tools/list", "") },
    { 4, modern("server/discover", "") },
    { 4, modern("resources/read", [["uri":"hello://world"]], "hello://world") },
    { 4, modern("prompts/get", [["name":"introduce","arguments":{"name":"Ada"}]], "introduce") },
    { 3, legacy("initialize", [["protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"wrk","version":"4"}]]) },
    { 2, legacy("tools/list", "") },
    { 5, wrk.format("GET", "/health") },
  }
  deck = {}
  for _, entry in ipairs(weighted) do
    for _ = 1, entry[1] do
      deck[#deck + 1] = entry[2]
    end
  end
  math.randomseed(20261124) -- the same order each time
end

function request()
  return deck[math.random(#deck)]
end
