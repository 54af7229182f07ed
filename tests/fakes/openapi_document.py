"""An OpenAPI document that has one of everything, and means no good."""

EVIL = "<script>alert(1)</script>"
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": f"Onyx {EVIL}", "version": "1.2.3"},
    "paths": {
        "/v1/things/{id}": {
            "post": {
                "summary": f"Change a thing {EVIL}",
                "description": f"First `code`.\n\nSecond {EVIL}",
                "tags": ["cost-center"],
                "security": [{"token": []}],
                "x-onyx-role": "analyst",
                "x-onyx-errors": ["THING_GONE"],
                "parameters": [
                    {
                        "name": "id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "examples": ["thing-1"]},
                    },
                    {
                        "name": "group_by",
                        "in": "query",
                        "description": "By what.",
                        "schema": {"type": "string", "examples": ["ServiceName,tag:env"]},
                    },
                    {
                        "name": "limit",
                        "in": "query",
                        "schema": {"type": "integer", "default": 100, "minimum": 1.0, "maximum": 1000.0},
                    },
                ],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}
                },
                "responses": {
                    "201": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}
                    },
                    "204": {"description": "nothing"},
                    "default": {"description": "A problem"},
                },
            }
        },
        "/v1/health": {"get": {"tags": ["portal"], "security": [], "responses": {}}},
    },
    "components": {
        "schemas": {
            "New": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string", "description": EVIL, "examples": ["it's <new>"]}},
            },
            "Row": {
                "type": "object",
                "required": ["cost"],
                "properties": {
                    "cost": {"type": "string", "examples": ["14.66"]},
                    "self": {"$ref": "#/components/schemas/Row"},
                },
            },
            "Page": {
                "type": "object",
                "required": ["rows", "cursor"],
                "properties": {
                    "rows": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}},
                    "cursor": {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "Next."},
                    "kind": {"enum": ["a", "b"]},
                },
            },
        }
    },
}
