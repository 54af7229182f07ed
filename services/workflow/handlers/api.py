"""HTTP API of workflows: definitions, runs, approvals, settings."""

from services.workflow.handlers import definitions_api, runs_api, settings_api
from shared.http import api, lambda_handler

app = api("workflow", title="Workflows", fractions_as_text=True)
for each in (runs_api, settings_api, definitions_api):
    app.include_router(each.router)

handler = lambda_handler(app)
