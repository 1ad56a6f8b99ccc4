/**
 * The route table: every public route, who owns it, who may call it, and the schemas that validate, type and document
 * it. Services register from it, OpenAPI is generated from it, the web page takes its types from it.
 */
import { operationsRoutes } from './operations.ts';
import { chatRoutes } from './routes/chat-routes.ts';
import { documentRoutes } from './routes/document-routes.ts';
import { identityRoutes } from './routes/identity-routes.ts';
import { webhookRoutes } from './routes/webhook-routes.ts';
import { usageRoutes } from './usage.ts';

export type { Access, Route } from './route.ts';

export const routes = {
  ...identityRoutes,
  ...webhookRoutes,
  ...documentRoutes,
  ...chatRoutes,
  ...usageRoutes,
  ...operationsRoutes,
};
