/** A page whose loader calls the server function. */

import { createFileRoute } from "@tanstack/react-router";
import { pageText } from "../page.js";

export const Route = createFileRoute("/page")({
  loader: () => pageText(),
  component: () => <p>{Route.useLoaderData()}</p>,
});
