// Keeps the parts of a page fresh that say where from: every 2 s while the page is seen. Without scripts the page is as fresh
// as it was loaded.
for (const part of document.querySelectorAll("[data-refresh]")) {
  const refresh = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(part.dataset.refresh, { redirect: "error" });
        if (answer.ok) {
          part.innerHTML = await answer.text();
          part.classList.remove("stale");
        } else {
          part.classList.add("stale");
        }
      } catch {
        // Signed out, or the server is away: what is seen is old.
        part.classList.add("stale");
      }
    }
    setTimeout(refresh, 2000);
  };
  setTimeout(refresh, 2000);
}
