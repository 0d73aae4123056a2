/** The entry of the server rendering. */

import { provideZonelessChangeDetection } from "@angular/core";
import { type BootstrapContext, bootstrapApplication } from "@angular/platform-browser";
import { provideServerRendering, RenderMode, withRoutes } from "@angular/ssr";
import { App } from "./app";

const config = {
  providers: [
    provideZonelessChangeDetection(),
    provideServerRendering(withRoutes([{ path: "**", renderMode: RenderMode.Server }])),
  ],
};
// biome-ignore lint/style/noDefaultExport: it is what Angular loads
export default (context: BootstrapContext) => bootstrapApplication(App, config, context);
