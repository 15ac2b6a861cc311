/** `/openapi.json`, the description of the API, and `/docs`, its readable form: Swagger UI, served from its npm package. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Api } from "./openapi.ts";
import { Problem } from "./problem.ts";

const require = createRequire(import.meta.url);

/** Swagger UI draws its icons from `data:` images. Its code and styles are served from here. */
const DOCS_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The package's files that the page needs; no others are served. */
const PACKAGE_FILES: Record<string, string> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API of the GMN Data Store ingestion</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="api"><noscript>This page needs JavaScript. The description itself is at /openapi.json.</noscript></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
`;

/** Adds `GET /openapi.json`, `GET /docs`. Call it after all routes are added. */
export function addDocs(app: Api, version: string): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    description:
      "API_TOKEN, for calls that change something. Not needed when the service has none.",
  });
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "GMN Data Store ingestion",
      version,
      description:
        "Loads the trajectory summaries of the Global Meteor Network into the GMN Data Store, and shows what is in it. Errors are application/problem+json; their `type` is the path of an explanation.",
      license: { name: "MIT" },
    },
  });
  app.get("/docs", (context) => {
    context.header("content-security-policy", DOCS_CSP);
    return context.html(PAGE);
  });
  app.get(
    "/docs/start.js",
    (context) => context.body(START, 200, { "content-type": "text/javascript; charset=utf-8" }),
  );
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  app.get("/docs/:file", (context) => {
    const name = context.req.param("file");
    const type = Object.hasOwn(PACKAGE_FILES, name) ? PACKAGE_FILES[name] : undefined;
    if (type === undefined) throw new Problem("not-found", `there is no ${name} in the docs`);
    // Megabytes that few users need: read at the first request.
    let file = files.get(name);
    if (file === undefined) files.set(name, file = readPackageFile(name));
    return context.body(file, 200, { "content-type": type, "cache-control": "max-age=3600" });
  });
}

function readPackageFile(name: string): Uint8Array<ArrayBuffer> {
  const folder = dirname(require.resolve("swagger-ui-dist/package.json"));
  return new Uint8Array(readFileSync(join(folder, name)));
}
