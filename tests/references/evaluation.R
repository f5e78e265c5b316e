# Writes evaluation.json: R's values for added value beside measured predictors and for several external centres.
#
#   Rscript tests/references/evaluation.R tests/references tests/references/evaluation.json
#
# Needed only to write the file anew. Debian: r-cran-survival r-cran-metafor r-cran-jsonlite.

suppressMessages({ library(survival); library(metafor); library(jsonlite) })
arguments <- commandArgs(trailingOnly = TRUE)
asah <- read.csv(file.path(arguments[1], "stats", "asah.csv"))
asah$p <- read.csv(file.path(arguments[1], "stats", "asah_predictions.csv"))$p_hybrid
lung <- read.csv(file.path(arguments[1], "stats", "lung.csv"))
lung <- lung[complete.cases(lung[, c("time", "event", "age", "meal.cal", "pat.karno")]), ]
lung$score <- lung$pat.karno / 101

# Added value: age and NDKA in the place of node size and SCC antigen, WFNS of 4 or more in that of the reading
smaller <- glm(outcome_poor ~ log1p(age) + log1p(ndka) + I(wfns >= 4), binomial, asah, epsilon = 1e-14)
larger <- update(smaller, . ~ . + qlogis(p))
test <- anova(smaller, larger, test = "LRT")
spread <- sd(qlogis(asah$p))
term <- tail(summary(larger)$coefficients, 1)
nodes <- list(chi2 = test$Deviance[2], p = test$`Pr(>Chi)`[2],
  adequacy = (smaller$null.deviance - smaller$deviance) / (larger$null.deviance - larger$deviance),
  odds_ratio = exp(spread * term[1]), low = exp(spread * (term[1] - qnorm(0.975) * term[2])),
  high = exp(spread * (term[1] + qnorm(0.975) * term[2])))

# Survival: age and calories in their place
small <- coxph(Surv(time, event) ~ log1p(age) + log1p(meal.cal), lung, eps = 1e-10, toler.chol = 1e-14)
large <- coxph(Surv(time, event) ~ log1p(age) + log1p(meal.cal) + qlogis(score), lung, eps = 1e-10, toler.chol = 1e-14)
found <- anova(small, large)
spread <- sd(qlogis(lung$score))
both <- concordance(large, small)
contrast <- c(1, -1)
survival <- list(n = nrow(lung), events = sum(lung$event), chi2 = found$Chisq[2], p = found$`Pr(>|Chi|)`[2],
  adequacy = diff(small$loglik) / diff(large$loglik), hazard_ratio = unname(exp(spread * tail(coef(large), 1))),
  concordance = unname(coef(both)), difference = sum(contrast * coef(both)),
  error = sqrt(drop(contrast %*% vcov(both) %*% contrast)))

# Meta-analysis: BCG vaccine trials (log relative risks, Colditz et al., JAMA 1994;271:698), and centres that agree
bcg <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
examples <- list(
  list(values = as.numeric(bcg$yi), variances = as.numeric(bcg$vi)),
  list(values = c(2.1, 1.4, 2.9, 1.8), variances = c(0.09, 0.16, 0.20, 0.05)),
  list(values = c(1.01, 0.98, 1.02, 1.00), variances = c(0.04, 0.05, 0.03, 0.06)),
  list(values = c(0.4, 1.3), variances = c(0.05, 0.08)))
pooled <- lapply(examples, function(example) {
  fit <- rma(example$values, example$variances, method = "REML", test = "adhoc", control = list(threshold = 1e-14, maxiter = 10000))
  k <- length(example$values)
  reach <- if (k > 2) qt(0.975, k - 2) * sqrt(fit$tau2 + fit$se^2) else NA
  c(example, list(mean = as.numeric(fit$beta), low = fit$ci.lb, high = fit$ci.ub, tau2 = fit$tau2, i2 = fit$I2 / 100,
    prediction_low = as.numeric(fit$beta) - reach, prediction_high = as.numeric(fit$beta) + reach))
})
versions <- sapply(c("survival", "metafor"), function(p) as.character(packageVersion(p)), simplify = FALSE)
result <- list(versions = c(list(R = R.version.string), versions), nodes = nodes, survival = survival, pooled = pooled)
write(toJSON(result, digits = NA, auto_unbox = TRUE, pretty = TRUE, na = "null"), arguments[2])
