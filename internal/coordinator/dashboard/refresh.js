"use strict";
// Reads the data anew every few seconds and fills the tables. Everything is set
// as text, never as markup.
const text = (value) => (value === null || value === undefined ? "" : String(value));
const time = (value) => (value ? value.slice(0, 19).replace("T", " ") : "never");

const cell = (content) => {
  const td = document.createElement("td");
  td.append(...[content].flat());
  return td;
};
const badge = (status, title) => {
  const span = document.createElement("span");
  span.className = "badge " + status;
  span.textContent = status;
  span.title = text(title);
  return span;
};
const warnings = (count) => {
  const span = badge(count + (count === 1 ? " warning" : " warnings"), "dffmpeg job show tells them");
  span.className = "badge warnings";
  return [" ", span];
};
// why is what a status alone does not say.
const why = (words) => {
  if (!words) return [];
  const span = document.createElement("span");
  span.className = "why";
  span.textContent = words;
  return [" ", span];
};
const queued = (j) => (j.position ? why(j.position + ". in the queue" + (j.reason ? ": " + j.reason : "")) : []);
const code = (value) => {
  const element = document.createElement("code");
  element.textContent = value;
  return element;
};
const fill = (id, rows, width, none) => {
  const lines = rows.map((cells) => {
    const tr = document.createElement("tr");
    tr.append(...cells.map(cell));
    return tr;
  });
  if (lines.length === 0) {
    const tr = document.createElement("tr");
    const td = cell(none);
    td.colSpan = width;
    td.className = "empty";
    tr.append(td);
    lines.push(tr);
  }
  document.getElementById(id).replaceChildren(...lines);
};

// Screen readers announce the state when it changes, so it is set only then.
const say = (words) => {
  const state = document.getElementById("state");
  if (state.textContent !== words) state.textContent = words;
};

const refresh = async () => {
  try {
    const response = await fetch("status/data?window=3600");
    if (!response.ok) throw new Error("status " + response.status);
    const data = await response.json();
    fill("workers", data.workers.map((w) => [
      w.worker_id, [badge(w.status), ...why(w.kept)], text(data.worker_load[w.worker_id] ?? 0),
      w.binaries.join(", "), w.paths.join(", "), time(w.last_seen),
    ]), 6, "No worker has registered within the last hour.");
    fill("jobs", data.jobs.map((j) => [
      code(j.job_id), [badge(j.status, j.reason), ...queued(j), ...(j.warnings ? warnings(j.warnings) : [])], j.binary_name, text(j.exit_code),
      j.requester_id, text(j.worker_id), time(j.created_at), time(j.last_update),
    ]), 8, "No jobs within the last hour.");
    document.getElementById("now").textContent = new Date().toISOString().slice(0, 19).replace("T", " ") + " UTC";
    say("live");
  } catch (error) {
    say("the coordinator does not answer (" + error.message + "); trying again");
  }
  setTimeout(refresh, 3000);
};
setTimeout(refresh, 3000);
