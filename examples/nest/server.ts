/** Visits, login and logout with NestJS. */

import "reflect-metadata";
import { Controller, createParamDecorator, Get, Module, Post, Redirect } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { createSessions, type Session } from "sojourn";
import { currentSession, nestSessions } from "sojourn/frameworks/nest";

interface Data {
  visits: number;
}

const sessions = createSessions<Data>({ idleTimeout: "30m", absoluteTimeout: "12h" });
const CurrentSession = createParamDecorator(currentSession(sessions));

@Controller()
class AppController {
  @Get()
  home(@CurrentSession() session: Session<Data>): string {
    const visits = session.update("visits", (n = 0) => n + 1);
    return `${session.subject ?? "guest"}, visit ${visits}\n`;
  }

  @Post("login")
  @Redirect("/", 303) // sent once the session is saved
  login(@CurrentSession() session: Session<Data>): void {
    session.login("ada"); // after your own check; the id is renewed
  }

  @Post("logout")
  @Redirect("/", 303)
  logout(@CurrentSession() session: Session<Data>): void {
    session.destroy();
  }
}

@Module({ imports: [nestSessions(sessions)], controllers: [AppController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ["error", "warn"] }); // or with new FastifyAdapter()
await app.listen(Number(process.env.PORT ?? 3000), "localhost");
console.log(`http://localhost:${app.getHttpServer().address().port}`);
