# Writes r.json: results of R packages for statistics that stats/ and tcga_cesc/ have no reference for, on their data.
#
#   Rscript tests/references/make.R tests/references tests/references/r.json
#
# R and these packages are needed only to write the file anew; the tests read it. Debian: r-cran-survival r-cran-proc
# r-cran-rms r-cran-mice r-cran-cmprsk r-cran-riskregression r-cran-jsonlite; CRAN: coxphf survRM2 timeROC ratesci
# pmsampsize pmvalsampsize. R_LIBS names the library that holds them.

suppressMessages({
  library(survival); library(pROC); library(Hmisc); library(mice); library(cmprsk); library(riskRegression)
  library(coxphf); library(survRM2); library(timeROC); library(ratesci); library(pmsampsize); library(pmvalsampsize)
  library(jsonlite)
})
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
asah <- read.csv(file.path(folder, "stats", "asah.csv"))
predictions <- read.csv(file.path(folder, "stats", "asah_predictions.csv"))
lung <- read.csv(file.path(folder, "stats", "lung.csv"))
lung <- lung[!is.na(lung$ph.ecog), ]
tcga <- read.csv(file.path(folder, "tcga_cesc", "tcga_cesc_dev.csv"))
quiet <- function(expression) { capture.output(value <- suppressMessages(suppressWarnings(expression))); value }

# Discrimination
roc_of <- function(name) roc(asah$outcome_poor, asah[[name]], direction = "<", levels = c(0, 1), quiet = TRUE)
partial <- lapply(c(s100b = "s100b", ndka = "ndka", wfns = "wfns"), function(name) sapply(c(`0.5` = 0.5, `0.8` = 0.8), function(lowest)
  as.numeric(auc(roc_of(name), partial.auc = c(1, lowest), partial.auc.focus = "specificity", partial.auc.correct = TRUE)),
  simplify = FALSE))
half <- seq_len(nrow(asah)) <= 60
unpaired <- roc.test(
  roc(asah$outcome_poor[half], asah$s100b[half], direction = "<", levels = c(0, 1), quiet = TRUE),
  roc(asah$outcome_poor[!half], asah$s100b[!half], direction = "<", levels = c(0, 1), quiet = TRUE),
  method = "delong", paired = FALSE)

# Paired and unpaired proportions
tables <- list(c(36, 12, 2, 0), c(53, 0, 1, 0), c(0, 30, 10, 0), c(54, 0, 0, 0), c(22, 4, 5, 10), c(76, 8, 8, 21))
paired <- lapply(tables, function(counts) {
  found <- pairbinci(counts, contrast = "RD", method = "MOVER_newc", moverbase = "wilson", precis = 14)$estimates
  list(counts = counts, low = found[1, "lower"], high = found[1, "upper"])
})
shares <- quiet(prop.test(c(18, 7, 25), c(20, 12, 41), correct = FALSE))

# The smooth of the calibration curve
smooth <- lowess(predictions$p_hybrid, asah$outcome_poor, iter = 0)
shown <- seq(1, nrow(asah), by = 8)

# Survival
follow_up <- quantile(survfit(Surv(time, 1 - event) ~ 1, lung, conf.type = "log-log"), 0.5)
mean_time <- rmst2(lung$time, lung$event, as.integer(lung$sex == 2), tau = 700)
cox_rows <- function(model) list(
  hr = unname(exp(coef(model))), low = unname(model$ci.lower), high = unname(model$ci.upper), p = unname(model$prob))
lung$untied <- lung$time + 1e-4 * seq_len(nrow(lung))  # coxphf has Breslow's ties only
firth <- quiet(coxphf(Surv(untied, event) ~ age + sex + ph.ecog, lung, maxit = 500, epsilon = 1e-10))
profile <- quiet(coxphf(Surv(untied, event) ~ age + sex + ph.ecog, lung, firth = FALSE, maxit = 500, epsilon = 1e-10))
few <- data.frame(time = 1:12, event = c(1, 1, 1, 1, rep(0, 8)), high = c(1, 1, 1, 1, 1, 1, rep(0, 6)))
monotone <- quiet(coxphf(Surv(time, event) ~ high, few, maxit = 500, epsilon = 1e-10))
knots <- quantile(lung$age, c(0.05, 0.35, 0.65, 0.95))
spline_model <- coxph(Surv(time, event) ~ rcspline.eval(age, knots, inclx = TRUE), lung, eps = 1e-10, toler.chol = 1e-14)
straight <- coxph(Surv(time, event) ~ age, lung, eps = 1e-10, toler.chol = 1e-14)
at <- c(45, 55, 70, 80)
step <- rcspline.eval(at, knots, inclx = TRUE) - rcspline.eval(rep(median(lung$age), 4), knots, inclx = TRUE)
spline_error <- sqrt(diag(step %*% vcov(spline_model) %*% t(step)))
nonlinear <- anova(straight, spline_model)
incidence <- with(tcga[!is.na(tcga$PFI) & !is.na(tcga$PFI.time), ], {
  kind <- ifelse(PFI == 1, 1, ifelse(OS == 1, 2, 0))
  moments <- c(365, 730, 1095, 1825)
  found <- timepoints(cuminc(PFI.time, kind), moments)
  states <- summary(survfit(Surv(PFI.time, factor(kind)) ~ 1), times = moments)
  list(times = moments, estimate = unname(found$est["1 1", ]), variance_gray = unname(found$var["1 1", ]),
    variance = unname(states$std.err[, 2])^2)
})

# Time-dependent accuracy: the risk is what a Cox model of age, sex and ECOG says in sample
model <- coxph(Surv(time, event) ~ age + sex + ph.ecog, lung, eps = 1e-10, toler.chol = 1e-14, ties = "breslow", x = TRUE)
risk <- round(predict(model, type = "lp", reference = "zero"), 10)  # equal patients are equal whoever adds up
times <- c(185, 360, 540)  # nobody dies then: timeROC's cases are those before, ours those by then
accuracy <- timeROC(lung$time, lung$event, risk, cause = 1, weighting = "marginal", times = times, iid = TRUE)
base <- basehaz(model, centered = FALSE)
months <- 30.4375 * (1:20)
hazard <- base$hazard[findInterval(months, base$time)]
chance <- 1 - exp(-outer(exp(risk), hazard))
lung$row <- seq_len(nrow(lung))
score <- quiet(Score(list(model = chance), Surv(time, event) ~ 1, data = lung, times = months, cens.method = "ipcw",
  cens.model = "km", metrics = c("brier", "auc"), summary = "ibs", null.model = TRUE, se.fit = FALSE))

# Stage and age in every patient with known stage, age and survival, whatever is known of the nodes
everybody <- lapply(c(PFI = "PFI", OS = "OS"), function(endpoint) {
  known <- tcga[!is.na(tcga[[endpoint]]) & !is.na(tcga[[paste0(endpoint, ".time")]]) & !is.na(tcga$age), ]
  stage <- sub("^stage ", "", tolower(known$figo_stage))
  known <- known[stage != "", ]
  known$advanced <- as.numeric(!grepl("^i[ab]?[0-9]*$", stage[stage != ""]))
  outcome <- Surv(known[[paste0(endpoint, ".time")]], known[[endpoint]])
  cox <- lapply(c(advanced = "advanced", age = "age"), function(name) {
    row <- summary(coxph(outcome ~ known[[name]], eps = 1e-10))
    list(hr = row$conf.int[1], hr_lcl = row$conf.int[3], hr_ucl = row$conf.int[4], p = row$coefficients[5])
  })
  c(list(n = nrow(known), events = sum(known[[endpoint]]), log_rank = survdiff(outcome ~ advanced, known)$chisq,
    follow_up = unname(quantile(survfit(Surv(outcome[, 1], 1 - outcome[, 2]) ~ 1), 0.5)$quantile),
    concordance = unname(concordance(outcome ~ advanced, known, reverse = TRUE)$concordance),
    concordance_se = sqrt(concordance(outcome ~ advanced, known, reverse = TRUE)$var)), cox)
})

# Rubin's rules
estimates <- c(0.31, 0.42, 0.28, 0.55, 0.37)
variances <- c(0.040, 0.050, 0.045, 0.038, 0.042)
pooled <- pool.scalar(estimates, variances, n = Inf, k = 1)

# Sample size
external <- quiet(pmvalsampsize(type = "b", prevalence = 0.227, cstatistic = 0.844, lpnormal = c(-1.5, 1.2),
  oeciwidth = 0.4, csciwidth = 0.4, cstatciwidth = 0.1, simobs = 2000000, sensitivity = 0.9, specificity = 0.87,
  threshold = 0.2, nbciwidth = 0.2))
development <- quiet(pmsampsize(type = "b", csrsquared = 0.288, parameters = 24, prevalence = 0.174))
small <- quiet(pmsampsize(type = "b", csrsquared = 0.1, parameters = 5, prevalence = 0.21))

packages <- c("survival", "pROC", "Hmisc", "mice", "cmprsk", "riskRegression", "coxphf", "survRM2", "timeROC", "ratesci",
  "pmsampsize", "pmvalsampsize")
result <- list(
  versions = c(list(R = R.version.string), sapply(packages, function(p) as.character(packageVersion(p)), simplify = FALSE)),
  partial_auc = partial,
  unpaired_delong = list(first = 60, difference = unname(unpaired$estimate[1] - unpaired$estimate[2]),
    df = unname(unpaired$parameter), p = unpaired$p.value),
  paired_difference = paired,
  shares = list(right = c(18, 7, 25), of = c(20, 12, 41), chi2 = unname(shares$statistic), p = shares$p.value),
  holm = list(p = c(0.01, 0.04, 0.03, 0.005, 0.2), adjusted = p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.2), "holm")),
  lowess = list(place = shown, y = smooth$y[shown]),
  follow_up = list(median = unname(follow_up$quantile), low = unname(follow_up$lower), high = unname(follow_up$upper)),
  restricted_mean = list(tau = 700, difference = unname(mean_time$unadjusted.result[1, 1]),
    low = unname(mean_time$unadjusted.result[1, 2]), high = unname(mean_time$unadjusted.result[1, 3]),
    p = unname(mean_time$unadjusted.result[1, 4])),
  firth = cox_rows(firth), profile = cox_rows(profile), monotone = cox_rows(monotone),
  spline = list(knots = unname(knots), at = at, log_ratio = as.numeric(step %*% coef(spline_model)),
    error = unname(spline_error), chi2 = nonlinear$Chisq[2], p = nonlinear$`Pr(>|Chi|)`[2]),
  incidence = incidence,
  time_dependent = list(beta = unname(coef(model)), times = times, auc = unname(accuracy$AUC),
    se = unname(accuracy$inference$vect_sd_1),
    months = months, hazard = hazard,
    auc_riskregression = score$AUC$score[model == "model"]$AUC,
    brier = score$Brier$score[model == "model"]$Brier, brier_null = score$Brier$score[model == "Null model"]$Brier,
    ibs = score$Brier$score[model == "model"]$IBS, ibs_null = score$Brier$score[model == "Null model"]$IBS),
  everybody = everybody,
  rubin = list(estimates = estimates, variances = variances, estimate = pooled$qbar, total = pooled$t, df = pooled$df,
    fmi = pooled$fmi),
  sample_size = list(
    external = list(oe = external$results_table[1, 1], slope = external$results_table[2, 1],
      auc = external$results_table[3, 1], net_benefit = external$results_table[4, 1]),
    development = unname(development$results_table[1:3, 1]), development_small = unname(small$results_table[1:3, 1]))
)
write(toJSON(result, digits = NA, auto_unbox = TRUE, pretty = TRUE), arguments[2])
