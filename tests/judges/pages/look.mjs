// Opens every page as a person would and takes its picture. Anything that the browser complains about fails the judge.
import { chromium } from "playwright-core";

const { BROWSER, ORIGIN, STOA_USER, STOA_PASSWORD } = process.env;
const [, , folder] = process.argv;
const failures = [];
const check = (holds, what) => {
  if (!holds) failures.push(what);
};

const browser = await chromium.launch({ executablePath: BROWSER, args: ["--no-sandbox"] });
const wide = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

async function visit(name, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  // A refused form is answered with 4xx, which the browser notes as well; those are looked at by the tests.
  page.on("console", (message) => message.type() === "error" && failures.push(`${name}: ${message.text()}`));
  page.on("pageerror", (error) => failures.push(`${name}: ${error}`));
  const picture = async (what) => {
    await page.screenshot({ path: `${folder}/${name}-${what}.png`, fullPage: true });
    const width = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(width <= 0, `${name}: ${what} is ${width} px wider than the screen`);
  };

  await page.goto(`${ORIGIN}/hangfire/jobs?state=Failed`);
  await picture("sign-in");
  await page.fill("input[name=username]", STOA_USER);
  await page.fill("input[name=password]", STOA_PASSWORD);
  await page.click("main button");
  check(page.url() === `${ORIGIN}/hangfire/jobs?state=Failed`, `${name}: signing in leads back, not to ${page.url()}`);
  const cookies = await context.cookies(`${ORIGIN}/hangfire`);
  const cookie = cookies.find((cookie) => cookie.name === "stoa-pages");
  check(cookie?.httpOnly && cookie?.sameSite === "Strict", `${name}: the cookie is for no script and no other site`);
  check((await page.evaluate(() => document.cookie)) === "", `${name}: scripts see no cookie`);
  for (let tries = 0; (await page.locator("tbody tr").count()) === 0 && tries < 50; tries += 1) {
    await page.waitForTimeout(200);
    await page.reload();
  }
  await picture("failed");
  await page.click("tbody a");
  await page.waitForSelector(".history");
  await picture("job");
  for (const [what, address] of [
    ["overview", ""], ["overview-week", "?period=week"], ["jobs", "/jobs"], ["enqueued", "/jobs?state=Enqueued&type=newsletter"],
    ["recurring", "/recurring"], ["edit", "/recurring/edit?id=nightly-report"], ["queues", "/queues"], ["servers", "/servers"],
  ]) {
    const answer = await page.goto(`${ORIGIN}/hangfire${address}`);
    check(answer.status() === 200, `${name}: ${what} answers ${answer.status()}`);
    await picture(what);
  }
  return { context, page, picture };
}

const desk = await visit("wide", wide);
const { page } = desk;

// The counters come again by themselves, without the page being loaded again.
await page.goto(`${ORIGIN}/hangfire`);
check((await page.locator(".banner").innerText()).includes("SendNewsletter"), "the banner names what nobody runs");
const [fresh] = await Promise.all([page.waitForResponse((answer) => answer.url().endsWith("/hangfire/counters")), page.mouse.move(5, 5)]);
check(fresh.ok(), "the counters are fresh");

// Buttons do what they say.
await page.goto(`${ORIGIN}/hangfire/jobs?state=Scheduled`);
await page.check("tbody input[type=checkbox]");
await page.click("button[value=runNow]");
check((await page.locator(".done").innerText()).startsWith("Done with 1 job"), "run now says what it did");
await page.goto(`${ORIGIN}/hangfire/jobs?state=Enqueued&type=newsletter`);
await page.selectOption("select[name=which]", "found");
await page.click("button[value=delete]");
check((await page.locator(".done").innerText()).startsWith("Done with "), "delete by filter says what it did");
check((await page.locator("tbody tr").count()) === 0, "nothing is left of what was found");
await page.goto(`${ORIGIN}/hangfire/recurring/edit?id=nightly-report`);
await page.fill("input[name=cron]", "30 2 L * *");
await page.click("main button");
check((await page.locator(".card").innerText()).includes("30 2 L * *"), "another expression is shown at once");
await page.click("button[value=pause]");
check((await page.locator(".card", { hasText: "nightly-report" }).innerText()).includes("Paused"), "a paused job says so");
await page.goto(`${ORIGIN}/hangfire/queues`);
await page.locator("tr", { hasText: "newsletters" }).locator("button").click();
check(!(await page.content()).includes("newsletters"), "a queue without jobs, servers and pause is no queue");
await page.click(".who button");
check(page.url().startsWith(`${ORIGIN}/hangfire/sign-in`), "signing out leads to the form");

await visit("phone", phone);
await visit("dark", { ...wide, colorScheme: "dark" });
await browser.close();

for (const failure of failures) console.error(failure);
console.log(`${failures.length === 0 ? "all pages look and work as they should" : `${failures.length} failures`}; pictures in ${folder}`);
process.exit(failures.length === 0 ? 0 : 1);
