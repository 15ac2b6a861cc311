// Before the first paint: a theme that was chosen here earlier. Without one the system's is used.
(() => {
  const chosen = localStorage.getItem("gmn-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
