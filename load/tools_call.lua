-- wrk -t2 -c100 -d10s -s load/tools_call.lua http://127.0.0.1:8080 [-- legacy] [-- modern TOOL]
-- tools/call of a tool that takes two integers a and b ("add" unless told), over MCP 2026-07-28 or, with "legacy", as a
-- client of 2025-11-25 and before asks without a session.
local modern = [[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"TOOL","arguments":{"a":2,"b":3},]]
  .. [["_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",]]
  .. [["io.modelcontextprotocol/clientInfo":{"name":"wrk","version":"4"},]]
  .. [["io.modelcontextprotocol/clientCapabilities":{}}}}]]
local legacy = [[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"TOOL","arguments":{"a":2,"b":3}}}]]

function init(args)
  local tool = args[2] or "add"
  wrk.method = "POST"
  wrk.path = "/mcp"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Accept"] = "application/json, text/event-stream"
  if args[1] == "legacy" then
    wrk.body = (legacy:gsub("TOOL", tool))
  else
    wrk.headers["MCP-Protocol-Version"] = "2026-07-28"
    wrk.headers["Mcp-Method"] = "tools/call"
    wrk.headers["Mcp-Name"] = tool
    wrk.body = (modern:gsub("TOOL", tool))
  end
  fixed = wrk.format() -- formatted once, sent unchanged
end

function request()
  return fixed
end
