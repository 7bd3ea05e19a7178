// Before anything is laid out: the page has a script, so phones and long tables may rely on it.
document.documentElement.classList.add("with-script");
