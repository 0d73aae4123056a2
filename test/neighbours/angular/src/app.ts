/** A page that shows what the context of its request says. */

import { Component, inject, PendingTasks, REQUEST_CONTEXT, signal } from "@angular/core";
import type { Visits } from "./server";

@Component({ selector: "app-root", template: "<p>{{ text() }}</p>" })
export class App {
  readonly text = signal("");
  constructor() {
    const context = inject(REQUEST_CONTEXT, { optional: true }) as Visits | null;
    if (context) inject(PendingTasks).run(async () => this.text.set(await context.visit()));
  }
}
