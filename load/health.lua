-- wrk -t2 -c100 -d10s -s load/health.lua http://127.0.0.1:8080
-- The runbook's load: GET /health, as fast as it goes.
wrk.method = "GET"
wrk.path = "/health"
